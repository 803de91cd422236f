"""Dates that lie a day earlier are named; fewer visits on one day are not."""

from __future__ import annotations

from cause_case import Found
from cause_cases.recoded import moved_by
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def a_day_early(world: World) -> Incident:
    world.profile(
        "last_active_at", "age", {"1": 0.205, "2": 0.103, "3": 0.08, "4": 0.06, "5": 0.05, "6": 0.04, ">14": 0.4}
    )
    return moved_by(world, "last_active_at", "last_active_days <= 7")


def a_day_late(world: World) -> Incident:
    world.profile(
        "last_active_at", "age", {"<0": 0.2, "0": 0.1, "1": 0.08, "2": 0.06, "3": 0.05, "4": 0.04, ">14": 0.4}
    )
    return moved_by(world, "last_active_at", "last_active_days <= 7")


def fewer_visits(world: World) -> Incident:
    world.profile(
        "last_active_at", "age", {"0": 0.1, "1": 0.15, "2": 0.1, "3": 0.07, "4": 0.05, "5": 0.04, ">14": 0.42}, D
    )
    return moved_by(world, "last_active_at", "last_active_days <= 7")


FOUND = (
    Found(
        a_day_early,
        "dates_shifted",
        "high",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `last_active_days <= 7`; the dates of column last_active_at are 1 day early.",
    ),
    Found(
        a_day_late,
        "dates_shifted",
        "high",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `last_active_days <= 7`; the dates of column last_active_at are 1 day late.",
    ),
)
QUIET = (fewer_visits,)
