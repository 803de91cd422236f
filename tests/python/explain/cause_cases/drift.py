"""Members who cross a condition, or fall silent, without a fault are named; with one they are not."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import D, World, headline_fault

from pulse_runner.incidents.incident import Incident


def people_moved(world: World) -> Incident:
    world.resize(600)
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 402))
    return world.incident()


def rising_inactivity(world: World) -> Incident:
    world.run(
        "update pulse_segment_snapshots set inactive = 160, inactive_rate = 0.16 where segment_id = 'vip' and snapshot_date = ?",
        D,
    )
    return world.incident(
        detector="inactivity_creep", metric="inactive_rate", direction="up", started_on=D - timedelta(days=20)
    )


FOUND = (
    Found(
        people_moved,
        "people_moved",
        "medium",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `ltv > 1000`.",
    ),
    Found(
        rising_inactivity,
        "people_drifted",
        "medium",
        "Inactive rate 60 % higher since 24 April: members are drifting away.",
    ),
)
QUIET = (headline_fault,)
