"""Rows without a key are named."""

from __future__ import annotations

from cause_case import Found
from explain_world import World

from pulse_runner.incidents.incident import Incident


def lost_keys(world: World) -> Incident:
    world.health("(rows)", null_keys=400)
    world.changes(("lost", "row_gone", "", "", 390))
    world.resize(610)
    return world.incident()


def few_null_keys(world: World) -> Incident:
    """Three of 5,000 rows have no key."""
    world.health("(rows)", null_keys=3)
    world.resize(610)
    return world.incident()


FOUND = (
    Found(
        lost_keys,
        "null_keys",
        "high",
        "39 % fewer members since 14 May: 390 of 390 leavers left with rows that are gone; rows of customers lost their key.",
    ),
)
QUIET = (few_null_keys,)
