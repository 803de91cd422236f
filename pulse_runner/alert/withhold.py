"""What keeps a message that is due from going out now: silences, quiet and business hours, the time of a digest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pulse_runner.alert.decision import Decision
from pulse_runner.alert.delivery import Delivery
from pulse_runner.alert.hours import closed_until, quiet_until, said, slot_of
from pulse_runner.alert.silences import silence_for
from pulse_runner.alert.situation import Situation
from pulse_runner.segments.model import Route
from pulse_runner.segments.routing import Hours, Traits
from pulse_runner.vocabulary import Severity, severity_rank

DROPPED = "dropped"  # the first word of what is never told
KEPT = "kept for a digest"
EVERY = {True: "a week", False: "a day"}


def withheld(
    decision: Decision, route: Route, traits: Traits, past: Sequence[Delivery], situation: Situation
) -> Decision:
    """Return the decision, withheld with the reason where something keeps it; with `fold` where it is to go into a digest."""
    if decision.choice != "send":
        return decision
    silence = silence_for(situation.silences, traits, situation.now)
    if silence is not None:
        return replace(decision, choice="skip", reason=silence.sentence())
    before = [d.reason for d in past if d.status == "skipped" and d.delivery_id == decision.delivery_id]
    dropped = next((reason for reason in before if reason.startswith(DROPPED)), "")
    if dropped:
        return replace(decision, choice="skip", reason=dropped)
    for hours, ends, name in (
        (route.quiet_hours, quiet_until, "quiet hours"),
        (route.business_hours, closed_until, "business hours"),
    ):
        if hours is None or _passes(hours.always, traits):
            continue
        until = ends(hours, situation.now)
        if until is not None:
            return replace(decision, choice="skip", reason=_what_falls_in(hours, name, said(until, hours.zone)))
    digest = route.digest
    if digest is not None and not _passes(digest.always, traits):
        last, coming = slot_of(digest, situation.now)
        if _is_told_since(last, decision, past, situation):
            when = said(coming, digest.zone)
            return replace(decision, choice="skip", reason=f"{KEPT}: route {route.name} sends the next one at {when}")
        every = EVERY[digest.weekday is not None]
        return replace(decision, fold=f"Route {route.name} tells everything in one message {every}.")
    if any(reason.startswith(KEPT) for reason in before):
        return replace(decision, fold=f"Route {route.name} was quiet; this is what happened meanwhile.")
    return decision


def _is_told_since(slot: datetime, decision: Decision, past: Sequence[Delivery], situation: Situation) -> bool:
    """Say whether the digest of a time has been told: it went out, or a run afterwards had nothing for it."""
    sent = situation.digests.get(decision.address.settings)
    waited = any(d.delivery_id == decision.delivery_id and d.status == "skipped" and d.planned_at < slot for d in past)
    is_empty = situation.ran is not None and situation.ran >= slot and not waited
    return is_empty or (sent is not None and sent >= slot)


def _passes(always: Severity | None, traits: Traits) -> bool:
    return always is not None and severity_rank(traits.severity) >= severity_rank(always)


def _what_falls_in(hours: Hours, name: str, until: str) -> str:
    """Return what becomes of a message that falls into closed hours; the same words until they end."""
    outside = "outside of business hours" if name == "business hours" else name
    match hours.then:
        case "hold":
            return f"{outside}: told by the first run from {until} on"
        case "digest":
            return f"{KEPT}, {outside}: sent by the first run from {until} on"
        case "drop":
            return f"{DROPPED}, {outside} until {until}"
