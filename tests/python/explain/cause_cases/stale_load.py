"""A source that was not refreshed is named; a day that cannot be made is another thing."""

from __future__ import annotations

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def stale_source(world: World) -> Incident:
    world.run(
        "update pulse_segment_snapshots set status = 'stale', status_reason = 'freshest row is of 2026-05-13' where snapshot_date = ?",
        D,
    )
    world.health("(rows)", status="stale", status_reason="freshest row is of 2026-05-13")
    return world.incident(detector="stale_data", metric="status")


def day_that_cannot_be_made(world: World) -> Incident:
    world.run(
        "update pulse_segment_snapshots set status = 'not_reconstructable', size = null"
        " where segment_id = 'vip' and snapshot_date = ?", D,
    )  # fmt: skip
    return world.incident(detector="stale_data", metric="status")


def stale_relation_without_columns(world: World) -> Incident:
    """A stale day has one row of health, and none of its columns: they are not missing."""
    incident = stale_source(world)
    world.run("delete from pulse_entity_health where column_name <> '(rows)' and snapshot_date = ?", D)
    return incident


def source_that_stands_still(world: World) -> Incident:
    """The relation is there, and each date is exactly a day older than the day before."""
    world.profile("last_active_at", "age", {"1": 0.2, "2": 0.1, "3": 0.08, "4": 0.06, "5": 0.05, "6": 0.04, ">14": 0.4})
    world.profile("last_order_at", "age", {"1": 0.03, "2": 0.03, "3": 0.03, "4": 0.02, ">14": 0.8})
    world.changes(("lost", "aged", "last_active_days <= 7", "last_active_at", 300))
    world.resize(700)
    return world.incident()


FOUND = (
    Found(
        stale_relation_without_columns,
        "stale_load",
        "high",
        "No usable snapshot of vip since 14 May: customers was not refreshed.",
    ),
    Found(
        source_that_stands_still,
        "stale_source",
        "high",
        "30 % fewer members since 14 May: 300 of 300 leavers left by ageing past `last_active_days <= 7`; the source of last_active_at, last_order_at stands still: customers was made anew without anything new.",
    ),
    Found(stale_source, "stale_load", "high", "No usable snapshot of vip since 14 May: customers was not refreshed."),
)
QUIET = (day_that_cannot_be_made,)
