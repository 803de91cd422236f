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


FOUND = (
    Found(stale_source, "stale_load", "high", "No usable snapshot of vip since 14 May: customers was not refreshed."),
)
QUIET = (day_that_cannot_be_made,)
