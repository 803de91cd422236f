"""A day before that has another size now than it was told with is named; a difference of a few members is not."""

from __future__ import annotations

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def restated(world: World, size: int) -> Incident:
    world.run(
        "update pulse_segment_snapshots set previous_size = ? where segment_id = 'vip' and snapshot_date = ?", size, D
    )
    world.resize(size - 10)
    world.changes(
        ("lost", "aged", "last_active_days <= 7", "last_active_at", 20), ("gained", "leaf", "ltv > 1000", "ltv", 10)
    )
    return world.incident(direction="down" if size < 1000 else "up")


def deleted_events(world: World) -> Incident:
    return restated(world, 410)


def hardly_restated(world: World) -> Incident:
    return restated(world, 1004)


FOUND = (
    Found(
        deleted_events,
        "restated_events",
        "high",
        "60 % fewer members since 14 May: events before 2026-05-14 were restated.",
    ),
)
QUIET = (hardly_restated,)
