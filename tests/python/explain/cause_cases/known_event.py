"""A known event of the segment is named; that of another segment is not."""

from __future__ import annotations

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def holiday(world: World) -> Incident:
    world.insert("pulse_known_events", starts_on=D, ends_on=D, scope="all", scope_value="", reason="Ascension Day")
    world.resize(800)
    return world.incident()


def event_of_another_segment(world: World) -> Incident:
    world.insert("pulse_known_events", starts_on=D, ends_on=D, scope="segment", scope_value="whales", reason="not ours")
    world.resize(800)
    return world.incident()


FOUND = (Found(holiday, "known_event", "medium", "20 % fewer members since 14 May: a known event: Ascension Day."),)
QUIET = (event_of_another_segment,)
