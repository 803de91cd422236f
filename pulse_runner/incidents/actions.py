"""What people do to incidents: the one table of states, verbs and events, and what each verb changes. Pure: no clock, no warehouse.

docs/incidents.md says the same in words. A verb that finds things as it would leave them does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from pulse_runner.errors import UsageError, did_you_mean
from pulse_runner.incidents.incident import EventName, Incident, Transition, transition
from pulse_runner.vocabulary import STATUSES, Status

_SAME: Mapping[Status, Status] = {s: s for s in STATUSES}
_LIVE: Mapping[Status, Status] = {s: s for s in STATUSES if s != "resolved"}
_ACTIVE: Mapping[Status, Status] = {"open": "open", "acknowledged": "acknowledged"}


@dataclass(frozen=True)
class Verb:
    """One thing that people do: from which states into which, and the event that tells of it."""

    name: str
    event: EventName
    moves: Mapping[Status, Status]
    resolution: str = ""  # of an incident that it closes
    needs: str = ""  # what must be given: note, to or until


VERBS: Mapping[str, Verb] = {
    v.name: v
    for v in (
        Verb("acknowledge", "acknowledged", {"open": "acknowledged", "acknowledged": "acknowledged"}),
        Verb("assign", "assigned", _LIVE, needs="to"),
        Verb("comment", "commented", _SAME, needs="note"),
        Verb("snooze", "snoozed", _ACTIVE, needs="until"),
        Verb("resolve", "resolved", dict.fromkeys(_LIVE, "resolved"), "person"),
        Verb("accept", "accepted", dict.fromkeys(STATUSES, "resolved"), "accepted"),
        Verb("false-alarm", "false_alarm", dict.fromkeys(STATUSES, "resolved"), "false_alarm", needs="note"),
        Verb("ignore", "ignored", dict.fromkeys(_LIVE, "ignored")),
        Verb("ignore-until", "ignored_until", dict.fromkeys(_LIVE, "ignored"), needs="until"),
        Verb("reopen", "reopened", dict.fromkeys(STATUSES, "open")),
    )
}
NEEDED = {"note": "why", "to": "to whom", "until": "until which date"}


def verb_of(name: str, *, as_new_normal: bool = False, until: date | None = None) -> Verb:
    """Return a verb as people call it, with what its options make of it; raise UsageError for one that there is not."""
    if name == "resolve" and as_new_normal:
        name = "accept"
    if name == "ignore" and until is not None:
        name = "ignore-until"
    if name not in VERBS:
        raise UsageError(f"Nothing is called {name!r}{did_you_mean(name, VERBS)}", f"Verbs are {', '.join(VERBS)}.")
    return VERBS[name]


def act(
    verb: Verb,
    incident: Incident,
    actor: str,
    day: date,
    now: datetime,
    note: str = "",
    *,
    to: str = "",
    until: date | None = None,
) -> Transition | None:
    """Return what a verb makes of an incident on `day`; None where it is so already. UsageError where it makes no sense.

    `to` is who gets it in hand, `until` the first date on which it is told again.
    """
    missing = verb.needs and not {"note": note, "to": to, "until": until}[verb.needs]
    if missing:
        raise UsageError(f"{verb.name} needs to know {NEEDED[verb.needs]}.", f"Give it as `{verb.needs}`.")
    if until is not None and until <= day:
        raise UsageError(f"{until} is not after {day}.", "Give the date on which it is to be told again.")
    after = replace(incident, note=note or incident.note)
    if verb.name == "resolve" and incident.status == "resolved":
        return None  # over is over, however it came about
    if incident.status not in verb.moves:
        allowed = " or ".join(sorted(verb.moves))
        raise UsageError(
            f"{incident.name} is {incident.status}; only one that is {allowed} can be {_done(verb)}. "
            "`pulse incidents show` gives its history."
        )
    after = replace(after, status=verb.moves[incident.status], **_changes(verb, incident, actor, day, to, until))  # type: ignore[arg-type]
    if after == incident and verb.name != "comment":
        return None
    said = note or f"{_done(verb).capitalize()} by {actor}."
    if until is not None:
        said = f"Until {until}: {said}"
    if verb.name == "assign":
        said = f"To {to}: {said}"
    # the same comment of a person on a day is one comment, however often it is sent
    unique = note if verb.name == "comment" else now.isoformat()
    return transition(incident, replace(after, updated_at=now), verb.event, day, now, actor, said, unique)


def _changes(verb: Verb, incident: Incident, actor: str, day: date, to: str, until: date | None) -> dict[str, object]:
    """Return the fields that a verb sets beside status and note."""
    match verb.name:
        case "comment":
            return {}
        case "acknowledge":
            return {"assignee": to or actor, "until_on": None}
        case "assign":
            return {"assignee": to}
        case "snooze":
            return {"until_on": until}
        case "ignore" | "ignore-until":
            return {"until_on": until}
        case "reopen":
            return {"resolved_on": None, "resolution": "", "until_on": None}
    resolved_on = incident.resolved_on if incident.status == "resolved" else day
    return {"resolved_on": resolved_on, "resolution": verb.resolution, "until_on": None}


def _done(verb: Verb) -> str:
    return verb.event.replace("_", " ")
