"""Another scale or set of values is named; beside nulls both are no news."""

from __future__ import annotations

from cause_case import Found
from explain_world import PROFILES, World, headline_fault

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


def ltv_times(world: World, *ratios: float) -> None:
    """Multiply the quantiles of ltv, from the least to the largest."""
    usual = PROFILES["ltv", "quantile"]
    world.profile("ltv", "quantile", {q: v * r for (q, v), r in zip(usual.items(), ratios, strict=True)})


def small_currency_change(world: World) -> Incident:
    ltv_times(world, *[0.86] * 7)
    world.resize(820)
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 180))
    return world.incident()


def amounts_that_count_twice(world: World) -> Incident:
    """What was spent before is in the sum once, what came by the join twice."""
    ltv_times(world, 1.0, 1.1, 1.3, 1.5, 1.6, 1.7, 1.8)
    world.resize(1400)
    world.changes(("gained", "leaf", "ltv > 1000", "ltv", 402))
    return world.incident(direction="up")


FOUND = (
    Found(
        small_currency_change,
        "unit_change",
        "high",
        "18 % fewer members since 14 May: 180 of 180 leavers left by `ltv > 1000`; the unit or currency of column ltv changed: its values are 0.86 times what they were.",
    ),
    Found(
        amounts_that_count_twice,
        "join_fan_out",
        "high",
        "40 % more members since 14 May: 402 of 402 newcomers came by `ltv > 1000`; a join upstream counts amounts of column ltv more than once: its values are up to 1.8 times what they were.",
    ),
    Found(
        other_unit,
        "unit_change",
        "high",
        "90 % more members since 14 May: 902 of 902 newcomers came by `ltv > 1000`; the unit or currency of column ltv changed: its values are 2 times what they were.",
    ),
    Found(
        other_values,
        "recoded",
        "medium",
        "55 % fewer members since 14 May: 1,100 of 1,100 leavers left by `country in (DE)`; column country has other values than before.",
    ),
)
QUIET = (nulls_that_move_the_mean,)
