"""Nulls that jump or fall are named; a share that wobbles is not."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import D, World, headline_fault

from pulse_runner.incidents.incident import Incident


def null_burst_of_the_relation(world: World) -> Incident:
    world.health("ltv", nulls=2050, null_share=0.41)
    return world.incident(segment_id="", detector="entity_health", metric="null_share", attribute="ltv", direction="up")


def filled_column(world: World) -> Incident:
    for n in range(1, 15):
        world.health("ltv", null_share=0.3, day=D - timedelta(days=n))
    world.resize(1400)
    world.changes(("gained", "leaf", "ltv > 1000", "ltv", 402))
    return world.incident(direction="up")


def wobbling_nulls(world: World) -> Incident:
    """From 0.2 % nulls to 2 %: less than the two points that count."""
    world.health("ltv", null_share=0.02)
    world.resize(579)
    return world.incident()


FOUND = (
    Found(
        headline_fault,
        "null_burst",
        "high",
        "42 % fewer members since 14 May: 422 of 429 leavers left by `ltv > 1000`; column ltv has 41 % nulls since that day (0.2 % before).",
    ),
    Found(
        null_burst_of_the_relation,
        "null_burst",
        "high",
        "customers changed since 14 May: column ltv has 41 % nulls since that day (0.2 % before).",
    ),
    Found(
        filled_column,
        "nulls_filled",
        "high",
        "40 % more members since 14 May: 402 of 402 newcomers came by `ltv > 1000`; column ltv has 0.2 % nulls since that day (30 % before).",
    ),
)
QUIET = (wobbling_nulls,)
