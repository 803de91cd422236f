"""A relation that lost or gained rows is named; beside duplicate keys, more rows are no news."""

from __future__ import annotations

from cause_case import Found
from cause_cases.duplicate_load import duplicate_load
from explain_world import World

from pulse_runner.incidents.incident import Incident


def partial_load(world: World) -> Incident:
    world.health("(rows)", rows=2500)
    world.changes(("lost", "row_gone", "", "", 400))
    world.resize(600)
    return world.incident()


def extra_rows(world: World) -> Incident:
    world.health("(rows)", rows=6200)
    world.changes(("gained", "row_new", "", "", 250))
    world.resize(1240)
    return world.incident(direction="up")


def a_few_rows_less(world: World) -> Incident:
    """Six rows of a hundred are gone from a relation that never changes by one."""
    world.health("(rows)", rows=4700)
    world.changes(("lost", "row_gone", "", "", 200))
    world.resize(800)
    return world.incident()


def fewer_rows_beside_a_growth(world: World) -> Incident:
    world.health("(rows)", rows=2500)
    world.resize(1300)
    world.changes(("gained", "leaf", "ltv > 1000", "ltv", 300))
    return world.incident(direction="up")


FOUND = (
    Found(
        a_few_rows_less,
        "partial_load",
        "high",
        "20 % fewer members since 14 May: 200 of 200 leavers left with rows that are gone; a load was incomplete: customers lost rows.",
    ),
    Found(
        partial_load,
        "partial_load",
        "high",
        "40 % fewer members since 14 May: 400 of 400 leavers left with rows that are gone; a load was incomplete: customers lost rows.",
    ),
    Found(
        extra_rows,
        "extra_rows",
        "high",
        "24 % more members since 14 May: 250 of 250 newcomers came with new rows; customers gained rows that it did not have before.",
    ),
)
QUIET = (duplicate_load, fewer_rows_beside_a_growth)
