"""A dropped or retyped column is named; nulls in it are another thing."""

from __future__ import annotations

from cause_case import Found
from explain_world import D, World, headline_fault

from pulse_runner.incidents.incident import Incident


def broken_column(world: World) -> Incident:
    world.run(
        "update pulse_segment_snapshots set status = 'broken', status_reason = 'column ltv is missing', size = null"
        " where segment_id in ('vip', 'whales') and snapshot_date = ?", D,
    )  # fmt: skip
    world.run("delete from pulse_entity_health where column_name = 'ltv' and snapshot_date = ?", D)
    world.run("delete from pulse_segment_changes where segment_id = 'vip' and snapshot_date = ?", D)
    return world.incident(detector="broken_segment", metric="status")


def retyped_column(world: World) -> Incident:
    world.health("ltv", data_type="text", mean_value=None)
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 402))
    world.resize(600)
    return world.incident()


def segment_that_cannot_be_evaluated(world: World) -> Incident:
    """The snapshot is broken and the health table does not know of the column."""
    world.run(
        "update pulse_segment_snapshots set status = 'broken', status_reason = 'the field tenure is not there', size = null"
        " where segment_id = 'vip' and snapshot_date = ?", D,
    )  # fmt: skip
    return world.incident(detector="broken_segment", metric="status")


FOUND = (
    Found(
        broken_column,
        "column_missing",
        "high",
        "No usable snapshot of vip since 14 May: column ltv was dropped or renamed upstream.",
    ),
    Found(
        retyped_column,
        "column_retyped",
        "high",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `ltv > 1000`; column ltv is text, it was number.",
    ),
    Found(
        segment_that_cannot_be_evaluated,
        "column_missing",
        "high",
        "No usable snapshot of vip since 14 May: the segment cannot be evaluated: the field tenure is not there.",
    ),
)
QUIET = (headline_fault,)
