"""Duplicate keys are named as a load that ran twice; a few are usual."""

from __future__ import annotations

from cause_case import Found
from explain_world import World

from pulse_runner.incidents.incident import Incident


def duplicate_load(world: World) -> Incident:
    world.health("(rows)", rows=6200, duplicate_keys=1200)
    world.resize(1240)
    world.changes(("gained", "row_new", "", "", 250), ("lost", "aged", "last_active_days <= 7", "last_active_at", 10))
    return world.incident(direction="up")


def few_duplicates(world: World) -> Incident:
    """Ten of 5,000 keys are there twice, which is below what a load leaves."""
    world.health("(rows)", duplicate_keys=10)
    world.resize(1240)
    return world.incident(direction="up")


def keys_that_stand_twice(world: World) -> Incident:
    """Two of a hundred keys are there twice, and members came with new rows."""
    world.health("(rows)", rows=5100, duplicate_keys=100)
    world.resize(1240)
    world.changes(("gained", "row_new", "", "", 250))
    return world.incident(direction="up")


FOUND = (
    Found(
        keys_that_stand_twice,
        "duplicated_keys",
        "high",
        "24 % more members since 14 May: 250 of 250 newcomers came with new rows; some keys of customers stand more than once: 100 duplicate keys.",
    ),
    Found(
        duplicate_load,
        "duplicate_load",
        "high",
        "24 % more members since 14 May: 250 of 250 newcomers came with new rows; a load ran twice: customers has 1,200 duplicate keys.",
    ),
)
QUIET = (few_duplicates,)
