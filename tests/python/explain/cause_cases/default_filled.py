"""One value in the place of several is named; a value that one other lost is not."""

from __future__ import annotations

from cause_case import Found
from cause_cases.recoded import moved_by, some_changed_their_plan
from explain_world import World

from pulse_runner.incidents.incident import Incident


def default_plan(world: World) -> Incident:
    world.profile("plan", "value", {"free": 0.8, "plus": 0.15, "pro": 0.05})
    return moved_by(world, "plan", "plan = plus")


def default_number(world: World) -> Incident:
    """A third of the keys have an ltv of 0, which hardly any had."""
    world.profile("ltv", "value", {"0": 0.33})
    return moved_by(world, "ltv", "ltv > 1000")


FOUND = (
    Found(
        default_plan,
        "default_filled",
        "high",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `plan = plus`; a default was filled into column plan: 'free' went from 60 % to 80 % of the rows.",
    ),
    Found(
        default_number,
        "default_filled",
        "high",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `ltv > 1000`; a default was filled into column ltv: '0' went from 0 % to 33 % of the rows.",
    ),
)
QUIET = (some_changed_their_plan,)
