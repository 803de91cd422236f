"""What a person can do with an incident. Pure: no clock, no warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from pulse_runner.errors import UsageError
from pulse_runner.incidents.incident import EventName, Incident, Transition, transition
from pulse_runner.vocabulary import Status


def acknowledge(
    incident: Incident, actor: str, day: date, now: datetime, note: str = "", assignee: str = ""
) -> Transition:
    """Take an incident in hand; alerts about it become reminders."""
    return _act(incident, "acknowledged", {"open": "acknowledged"}, actor, day, now, note, assignee=assignee or actor)


def resolve(
    incident: Incident, actor: str, day: date, now: datetime, note: str = "", as_new_normal: bool = False
) -> Transition:
    """Close an incident: it was repaired, or, with `as_new_normal`, its level is what to expect from now on."""
    legal: dict[Status, Status] = {"open": "resolved", "acknowledged": "resolved", "ignored": "resolved"}
    resolution = "accepted" if as_new_normal else "person"
    return _act(incident, "resolved", legal, actor, day, now, note, resolved_on=day, resolution=resolution)


def ignore(incident: Incident, actor: str, day: date, now: datetime, note: str = "") -> Transition:
    """Stop hearing about an incident while it lasts; its level is what to expect from now on."""
    return _act(incident, "ignored", {"open": "ignored", "acknowledged": "ignored"}, actor, day, now, note)


def reopen(incident: Incident, actor: str, day: date, now: datetime, note: str = "") -> Transition:
    """Take back a resolution or an ignore."""
    legal: dict[Status, Status] = {"resolved": "open", "ignored": "open", "acknowledged": "open"}
    return _act(incident, "reopened", legal, actor, day, now, note, resolved_on=None, resolution="")


def _act(
    incident: Incident, event: EventName, legal: Mapping[Status, Status], actor: str, day: date, now: datetime, note: str,
    **changes: object,
) -> Transition:  # fmt: skip
    if incident.status not in legal:
        allowed = " or ".join(sorted(legal))
        raise UsageError(
            f"{incident.name} is {incident.status}; only one that is {allowed} can be {event}. "
            "`pulse incidents show` gives its history."
        )
    after = replace(incident, status=legal[incident.status], note=note or incident.note, updated_at=now, **changes)  # type: ignore[arg-type]
    return transition(incident, after, event, day, now, actor, note or f"{event.capitalize()} by {actor}.")
