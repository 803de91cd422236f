"""Reach that fell in one channel is named; nulls in its column explain it better."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def email_consent(world: World) -> Incident:
    world.run(
        "update pulse_segment_reach set reachable = 300, reach_rate = 0.3 where channel = 'email' and snapshot_date = ?",
        D,
    )
    return world.incident(detector="reach_drop", metric="reach:email")


def nulls_in_the_consent(world: World) -> Incident:
    world.health("email_opt_in", null_share=0.6)
    return email_consent(world)


def nobody_agrees_any_more(world: World) -> Incident:
    world.profile("email_opt_in", "value", {"true": 0.02, "false": 0.98})
    return email_consent(world)


def consent_that_flipped_with_a_ladder(world: World) -> Incident:
    world.ladder({("reachable", ""): 800, ("reachable", "not consented"): 200}, D - timedelta(days=1))
    world.ladder({("reachable", ""): 300, ("reachable", "not consented"): 700})
    return email_consent(world)


FOUND = (
    Found(
        consent_that_flipped_with_a_ladder,
        "consent_loss",
        "medium",
        "Reach by email 62 % lower since 14 May: consent or addresses for email were lost (step reachable: not consented).",
    ),
    Found(
        nobody_agrees_any_more,
        "consent_sync_failed",
        "high",
        "Reach by email 62 % lower since 14 May: a sync of email_opt_in failed: those who agreed are not there any more.",
    ),
    Found(
        email_consent,
        "consent_loss",
        "medium",
        "Reach by email 62 % lower since 14 May: consent or addresses for email were lost.",
    ),
)
QUIET = (nulls_in_the_consent,)
