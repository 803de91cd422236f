"""A node that failed or is late is named with its error; a relation that is stale for another reason is another thing."""

from __future__ import annotations

from cause_case import Found
from cause_cases.stale_load import stale_source
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def blind(world: World, reason: str, node: str) -> Incident:
    """Make every segment of the entity blind for a reason."""
    world.run(
        "update pulse_segment_snapshots set status = 'stale', size = null, status_reason = ? where snapshot_date = ?",
        reason,
        D,
    )
    world.health("(rows)", status="stale", status_reason=reason)
    return world.incident(segment_id="", detector="stale_data", metric="status", attribute=node)


def failed_model(world: World) -> Incident:
    return blind(world, "upstream model stg_customers failed: no column x", "stg_customers")


def late_source(world: World) -> Incident:
    return blind(world, "upstream source raw.customers is late: last loaded on 2026-05-13", "raw.customers")


FOUND = (
    Found(
        failed_model,
        "upstream_failed",
        "high",
        "4 segments of customers cannot be seen since 14 May: model stg_customers failed.",
    ),
    Found(
        late_source,
        "upstream_late",
        "high",
        "4 segments of customers cannot be seen since 14 May: source raw.customers is late.",
    ),
)
QUIET = (stale_source,)
