"""A bucket that empties into another is named; buckets that drift are not."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def recoded_country(world: World) -> Incident:
    world.buckets("country", {"DE": 600, "FR": 300, "UK": 97, "XX": 3}, D)
    return world.incident(detector="distribution_shift", metric="distribution", attribute="country", direction="up")


def country_that_became_null(world: World) -> Incident:
    world.buckets("country", {"DE": 600, "FR": 300, "(null)": 97, "XX": 3}, D)
    return world.incident(detector="distribution_shift", metric="distribution", attribute="country", direction="up")


def drifting_country(world: World) -> Incident:
    """A third of the members of one country are in another: people may do that."""
    world.buckets("country", {"DE": 400, "FR": 500, "GB": 97, "XX": 3}, D)
    return world.incident(detector="distribution_shift", metric="distribution", attribute="country", direction="up")


def moved_by(world: World, column: str, condition: str, members: int = 402) -> Incident:
    """Let members leave vip by a condition on a column."""
    world.resize(1000 - members)
    world.changes(("lost", "leaf", condition, column, members))
    return world.incident()


def recoded_in_the_column_of_the_rule(world: World) -> Incident:
    """The rule asks for one plan, so its buckets inside the segment say nothing; the profile of the column does."""
    world.profile("plan", "value", {"free": 0.6, "PLUS-2": 0.3, "pro": 0.1})
    return moved_by(world, "plan", "plan = plus")


def spelt_otherwise(world: World) -> Incident:
    world.profile("plan", "value", {"Free ": 0.6, "Plus ": 0.3, "Pro ": 0.1})
    return moved_by(world, "plan", "plan = plus")


def changed_places(world: World) -> Incident:
    world.profile("plan", "value", {"free": 0.6, "plus": 0.1, "pro": 0.3})
    return moved_by(world, "plan", "plan = plus")


def some_changed_their_plan(world: World) -> Incident:
    """A third of those on plus are on pro, which was there before: people may do that."""
    world.profile("plan", "value", {"free": 0.6, "plus": 0.2, "pro": 0.2})
    return moved_by(world, "plan", "plan = plus")


def bins_of_a_number(world: World) -> Incident:
    """Members went from one band of ltv to the next: bands are no values that somebody renames."""
    world.buckets("ltv_band", {"[0,100)": 500, "[100,500)": 500}, D - timedelta(days=1))
    world.buckets("ltv_band", {"[0,100)": 20, "[100,500)": 500, "[500,1000)": 480}, D)
    return world.incident(detector="distribution_shift", metric="distribution", attribute="ltv_band", direction="up")


FOUND = (
    Found(
        recoded_in_the_column_of_the_rule,
        "recoded",
        "high",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `plan = plus`; a value of plan was recoded: 'plus' became 'PLUS-2'.",
    ),
    Found(
        spelt_otherwise,
        "respelt",
        "high",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `plan = plus`; the values of plan are spelt in another way: 'free' became 'Free␠'.",
    ),
    Found(
        changed_places,
        "values_swapped",
        "high",
        "40 % fewer members since 14 May: 402 of 402 leavers left by `plan = plus`; values of plan changed places: 'plus' and 'pro'.",
    ),
    Found(
        recoded_country,
        "recoded",
        "high",
        "The mix of country shifted since 14 May: a value of country was recoded: 'GB' became 'UK'.",
    ),
    Found(
        country_that_became_null,
        "null_burst",
        "high",
        "The mix of country shifted since 14 May: values of country became null.",
    ),
)
QUIET = (drifting_country, some_changed_their_plan, bins_of_a_number)
