"""A bucket that empties into another is named; buckets that drift are not."""

from __future__ import annotations

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


FOUND = (
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
QUIET = (drifting_country,)
