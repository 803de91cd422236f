"""Ageing beyond the usual is named; a source that stood still explains it better."""

from __future__ import annotations

from cause_case import Found
from explain_world import World

from pulse_runner.incidents.incident import Incident


def aged_members(world: World) -> Incident:
    world.resize(700)
    world.changes(("lost", "aged", "last_active_days <= 7", "last_active_at", 310))
    return world.incident()


def aged_by_a_stale_source(world: World) -> Incident:
    world.health("(rows)", status="stale", status_reason="freshest row is of 2026-05-13")
    return aged_members(world)


FOUND = (
    Found(
        aged_members,
        "aged_out",
        "medium",
        "30 % fewer members since 14 May: 310 of 310 leavers left by ageing past `last_active_days <= 7`; members aged past a relative date without new activity.",
    ),
)
QUIET = (aged_by_a_stale_source,)
