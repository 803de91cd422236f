"""What a destination did with those who were sent: each loss is named with its step and its reason."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident

GOOD = {
    ("rule", ""): 1000, ("eligible", ""): 1000, ("reachable", ""): 800, ("reachable", "not consented"): 200,
    ("synced", ""): 790, ("synced", "not synced"): 10, ("accepted", ""): 780, ("accepted", "bounced: full"): 10,
}  # fmt: skip


def plant(world: World, step: str, **changed: int) -> Incident:
    """Plant a good day before and a day on which a step of email went another way."""
    world.ladder(GOOD, D - timedelta(days=1))
    counts = {k: n for k, n in GOOD.items() if k[0] not in (step, "accepted")}
    world.ladder(counts | {(step, reason.strip()): n for reason, n in changed.items()})
    world.insert(
        "pulse_findings", segment_id="vip", snapshot_date=D, detector="reach_drop", metric=f"ladder:email:{step}", attribute="", bucket="",
        verdict="finding", observed=0.5, expected=1.0, lower_bound=0.98, upper_bound=1.0, effect=-0.5,
    )  # fmt: skip
    return world.incident(detector="reach_drop", metric=f"ladder:email:{step}")


def rejected(world: World) -> Incident:
    return plant(world, "accepted", **{" ": 385, "rejected: no sender": 395, "bounced: full": 10})


def stopped(world: World) -> Incident:
    return plant(world, "synced", **{" ": 0, "no rows of the destination": 800})


def incomplete(world: World) -> Incident:
    return plant(world, "synced", **{" ": 400, "not synced": 400})


def unreadable(world: World) -> Incident:
    return plant(world, "synced", **{" ": 0, "column reach.email.status is missing": 800})


def a_loss_of_few_people(world: World) -> Incident:
    return plant(world, "accepted", **{" ": 4, "rejected: quota": 4})


def consent_that_flipped(world: World) -> Incident:
    world.ladder(GOOD, D - timedelta(days=1))
    world.ladder(GOOD | {("reachable", ""): 100, ("reachable", "not consented"): 900})
    return world.incident(detector="reach_drop", metric="reach:email")


FOUND = (
    Found(
        rejected, "destination_rejects", "high",
        "Accepted by email 50 % lower since 14 May: members are lost at email itself (step accepted: rejected: no sender).",
    ),
    Found(
        stopped, "sync_stopped", "high",
        "Synced to email 50 % lower since 14 May: the sync to email stopped (step synced: no rows of the destination).",
    ),
    Found(
        incomplete, "sync_incomplete", "medium",
        "Synced to email 50 % lower since 14 May: fewer members were sent to email (step synced: not synced).",
    ),
    Found(
        unreadable, "destination_unreadable", "high",
        "Synced to email 50 % lower since 14 May: what email did is not known (step synced: the destination has no column for status).",
    ),
)  # fmt: skip
QUIET = (a_loss_of_few_people, consent_that_flipped)
