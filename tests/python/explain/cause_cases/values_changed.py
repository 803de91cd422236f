"""Another scale or set of values is named; beside nulls both are no news."""

from __future__ import annotations

from cause_case import Found
from explain_world import World, headline_fault

from pulse_runner.incidents.incident import Incident


def other_unit(world: World) -> Incident:
    world.health("ltv", mean_value=1600.0)
    world.resize(1900)
    world.changes(("gained", "leaf", "ltv > 1000", "ltv", 902))
    return world.incident(direction="up")


def other_values(world: World) -> Incident:
    world.health("country", distinct_count=9)
    world.resize(900, "germans")
    world.changes(("lost", "leaf", "country in (DE)", "country", 1100), segment="germans")
    return world.incident(segment_id="germans")


def nulls_that_move_the_mean(world: World) -> Incident:
    incident = headline_fault(world)
    world.health("ltv", mean_value=1600.0, distinct_count=2000)
    return incident


FOUND = (
    Found(
        other_unit,
        "unit_change",
        "high",
        "90 % more members since 14 May: 902 of 902 newcomers came by `ltv > 1000`; the scale of column ltv changed: its mean is 2 times what it was.",
    ),
    Found(
        other_values,
        "recoded",
        "high",
        "55 % fewer members since 14 May: 1,100 of 1,100 leavers left by `country in (DE)`; column country has other values than before.",
    ),
)
QUIET = (nulls_that_move_the_mean,)
