"""A dropped or retyped column is named; nulls in it are another thing."""

from __future__ import annotations

from cause_case import Found
from explain_world import PROFILES, D, World, headline_fault

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


def renamed_column(world: World) -> Incident:
    """ltv is gone, and a column that nobody reads has its quantiles."""
    world.run("create table dim (customer_id integer, snapshot_date date, customer_value double, age double)")
    for n in range(1000):
        value = next(v for q, v in [*PROFILES["ltv", "quantile"].items(), ("1", 9000.0)] if n / 1000 < float(q))
        world.insert("dim", customer_id=n, snapshot_date=D, customer_value=value, age=n % 90)
    return broken_column(world)


FOUND = (
    Found(
        renamed_column,
        "column_renamed",
        "high",
        "No usable snapshot of vip since 14 May: column ltv was renamed upstream: customer_value carries its values.",
    ),
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
