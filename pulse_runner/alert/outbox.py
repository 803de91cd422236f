"""Decide who is told what. Pure: every decision comes with its reason, nothing is read, written or sent here.

A target is told about an incident when it is first seen, when it comes back, when its severity rises,
when REPEAT_DAYS have passed since the last message, and when all incidents of its cause are resolved (the
rule of Prometheus' Alertmanager). What joins a story that the target knows is no news. A delivery counts as told when the channel took it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Literal

from pulse_runner.alert.delivery import UNDER_WAY, Delivery
from pulse_runner.alert.message import Notification
from pulse_runner.incidents.incident import Incident, IncidentEvent
from pulse_runner.segments.columns import readers
from pulse_runner.segments.model import MESSAGES_PER_RUN, Project
from pulse_runner.segments.strict import ChannelSettings
from pulse_runner.vocabulary import ACTIVE, Severity, severity_rank

Choice = Literal["send", "skip", "quiet"]
REPEAT_DAYS = 7
DEFAULT_ROUTE = "default"


@dataclass(frozen=True)
class Address:
    """One target of one route."""

    route: str
    min_severity: Severity
    settings: ChannelSettings
    messages_per_run: int = MESSAGES_PER_RUN

    @property
    def channel(self) -> str:
        """Return the name of the channel."""
        return self.settings.channel

    @property
    def name(self) -> str:
        """Return what tells the target from the route's others; it holds no secret."""
        return self.settings.address

    @property
    def place(self) -> str:
        """Return the target as a person calls it."""
        return self.name or "the screen"

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what identifies the address in pulse_alert_deliveries."""
        return (self.route, self.channel, self.name)


@dataclass(frozen=True)
class Decision:
    """What becomes of one incident at one address: `skip` withholds a message that is due, `quiet` means that none is."""

    incident_id: str
    address: Address
    choice: Choice
    reason: str
    notification: Notification = "opened"
    sequence: int = 0

    @property
    def delivery_id(self) -> str:
        """Return the id of the delivery: the same for the same message, however often it is planned."""
        parts = (self.incident_id, *self.address.key, self.notification, str(self.sequence))
        return sha256("|".join(parts).encode()).hexdigest()[:16]


def addresses(project: Project, incident: Incident) -> list[Address] | str:
    """Return where an incident goes, each target once, or the reason why it goes nowhere.

    An incident of an entity goes where the incidents of the segments go that read its column. A segment without `alerts`
    uses the route `default`, if there is one.
    """
    if incident.segment_id:
        segment = project.segments.get(incident.segment_id)
        if segment is None:
            return f"segment {incident.segment_id} has no definition any more"
        routes = list(segment.alerts)
    else:
        own = readers(project, incident.entity, incident.columns)
        own = [s for s in own if s.name in incident.segments] or own
        routes = list(dict.fromkeys(r for s in own for r in s.alerts))
        if not own and DEFAULT_ROUTE not in project.routes:
            return f"no segment reads {' or '.join(sorted(incident.columns))}, and there is no route named default"
    if not routes and DEFAULT_ROUTE in project.routes:
        routes = [DEFAULT_ROUTE]
    if not routes:
        return "no alert route: add `alerts: [ROUTE]` to the segment, or a route named default"
    return distinct(project, routes)


def distinct(project: Project, routes: Sequence[str]) -> list[Address]:
    """Return the targets of routes; one that several routes share is listed once, at the lowest `min_severity`."""
    found: dict[ChannelSettings, Address] = {}
    for name in routes:
        route = project.routes[name]
        for settings in route.channels:
            lower = Address(name, route.min_severity, settings, route.messages_per_run)
            known = found.setdefault(settings, lower)
            if severity_rank(lower.min_severity) < severity_rank(known.min_severity):
                found[settings] = replace(known, min_severity=lower.min_severity)
    return list(found.values())


def plan(
    incidents: Sequence[Incident],
    events: Mapping[str, Sequence[IncidentEvent]],
    deliveries: Mapping[str, Sequence[Delivery]],
    project: Project,
    day: date,
    *,
    repeat_days: int = REPEAT_DAYS,
    retry: bool = False,
) -> tuple[list[Decision], list[tuple[str, str]]]:
    """Return a decision per incident and address, and (incident_id, reason) for incidents that have no address.

    `events` and `deliveries` are keyed by incident_id; events after `day` must not be among them. `retry`
    plans anew what was given up today.
    """
    decisions, nowhere = [], []
    for incident in incidents:
        identity = incident.incident_id
        where = addresses(project, incident)
        if isinstance(where, str):
            nowhere.append((identity, where))
            continue
        for address in where:
            past = [d for d in deliveries.get(identity, ()) if d.address == address.key]
            decision = decide(
                incident, events.get(identity, ()), past, address, day, repeat_days=repeat_days, retry=retry
            )
            decisions.append(decision)
    held = _hold_until_all_resolved(decisions, incidents, deliveries)
    return _told_already(held, incidents, deliveries, day, repeat_days), nowhere


def decide(
    incident: Incident,
    events: Sequence[IncidentEvent],
    past: Sequence[Delivery],
    address: Address,
    day: date,
    *,
    repeat_days: int = REPEAT_DAYS,
    retry: bool = False,
) -> Decision:
    """Decide one incident at one address, given its events and the deliveries made there before."""
    told = sorted((d for d in past if d.was_told), key=lambda d: (d.snapshot_date, d.planned_at))
    given_up = [d for d in past if d.status == "given_up" and not d.was_told]
    quiet = Decision(incident.incident_id, address, "quiet", "", sequence=len(told) + len(given_up))
    if any(d.status in UNDER_WAY for d in past):
        return replace(quiet, reason="a message is under way")
    if given_up and not retry and max(d.snapshot_date for d in given_up) >= day:
        return replace(quiet, reason="given up on this date; `pulse alert --retry` tries again")
    perhaps = [d for d in past if d.may_have_arrived]
    last = told[-1] if told else None
    if last is None and perhaps and incident.status not in ACTIVE:
        last = perhaps[-1]  # who may know of it is told of its end
    notification, reason = _due(incident, events, last, day, repeat_days)
    if notification is None:
        return replace(quiet, reason=reason)
    due = replace(quiet, choice="send", notification=notification, reason=reason)
    if given_up and not told:
        how = "that may not have arrived" if perhaps else "that was given up"
        due = replace(due, reason=f"{reason}, after a message {how}")
    if severity_rank(incident.severity) < severity_rank(address.min_severity):
        below = f"severity {incident.severity} is below {address.min_severity}, where route {address.route} begins"
        return replace(due, choice="skip", reason=below)
    if incident.status == "acknowledged" and notification in ("opened", "worsened"):
        who = incident.assignee or "someone"
        return replace(due, choice="skip", reason=f"acknowledged: {who} has it in hand")
    return due


def _due(
    incident: Incident, events: Sequence[IncidentEvent], last: Delivery | None, day: date, repeat_days: int
) -> tuple[Notification | None, str]:
    """Return the notification that is due after `last`, or None, and the reason."""
    active = incident.status in ACTIVE
    if incident.status == "ignored":
        return None, "ignored by a person"
    if last is None:
        return ("opened", "it is seen for the first time") if active else (None, "it was over before anyone was told")
    if not active:
        if last.notification == "resolved":
            return None, "its end was told"
        return "resolved", "all incidents of this cause are resolved"
    if last.notification == "resolved":
        return "opened", "it is back after its end was told"
    fresh = [e for e in events if e.snapshot_date > last.snapshot_date or e.occurred_at > last.planned_at]
    waited = (day - last.snapshot_date).days
    repeat = repeat_days > 0 and waited >= repeat_days
    if any(e.event == "worsened" for e in fresh) and not (repeat and incident.status == "acknowledged"):
        return "worsened", f"its severity rose to {incident.severity}"
    if repeat:
        return "reminder", f"{waited} days have passed since the last message"
    then = f"; a reminder follows on {last.snapshot_date + timedelta(days=repeat_days)}" if repeat_days else ""
    return None, f"told on {last.snapshot_date}{then}"


def _hold_until_all_resolved(
    decisions: Iterable[Decision], incidents: Sequence[Incident], deliveries: Mapping[str, Sequence[Delivery]]
) -> list[Decision]:
    """Hold back the end of an incident while others of its cause, told at the same address or part of it, are still active."""
    group = {i.incident_id: i.group_key for i in incidents}
    active = {i.incident_id for i in incidents if i.status in ACTIVE}
    decisions, waiting = list(decisions), defaultdict[tuple[Any, ...], int](int)
    for decision in decisions:
        told = any(d.was_told and d.address == decision.address.key for d in deliveries.get(decision.incident_id, ()))
        if decision.incident_id in active and (told or decision.choice != "skip"):
            waiting[(group[decision.incident_id], *decision.address.key)] += 1
    out = []
    for decision in decisions:
        still = waiting.get((group[decision.incident_id], *decision.address.key), 0)
        if decision.choice == "send" and decision.notification == "resolved" and still:
            decision = replace(
                decision, choice="quiet", reason=f"{still} of its cause still open; told when all are over"
            )
        out.append(decision)
    return out


def _told_already(
    decisions: Iterable[Decision], incidents: Sequence[Incident], deliveries: Mapping[str, Sequence[Delivery]], day: date,
    repeat_days: int,
) -> list[Decision]:  # fmt: skip
    """Hold back what joins a story that an address knows: it is news only where it is more severe, or when a reminder is due."""
    by_id = {i.incident_id: i for i in incidents}
    known: dict[tuple[Any, ...], list[tuple[Incident, Delivery]]] = defaultdict(list)
    for incident in incidents:
        past = [d for d in deliveries.get(incident.incident_id, ()) if d.was_told]
        for key in {d.address for d in past} if incident.status in ACTIVE else ():
            last = max((d for d in past if d.address == key), key=lambda d: (d.snapshot_date, d.planned_at))
            if last.notification != "resolved":
                known[(incident.group_key, *key)].append((incident, last))
    out = []
    for decision in decisions:
        own = by_id[decision.incident_id]
        told = [t for t in known.get((own.group_key, *decision.address.key), ()) if t[0] is not own]
        fresh = [t for t in told if not repeat_days or (day - t[1].snapshot_date).days < repeat_days]
        if (
            decision.choice == "send" and decision.notification == "opened" and fresh
            and severity_rank(own.severity) <= max(severity_rank(t[0].severity) for t in told)
        ):  # fmt: skip
            first, last = fresh[0]
            why = f"part of {first.name}, which was told on {last.snapshot_date}"
            decision = replace(decision, choice="quiet", reason=why)
        out.append(decision)
    return out


def grouped(decisions: Iterable[Decision], incidents: Sequence[Incident]) -> list[list[Decision]]:
    """Put what is due into messages: one per cause (group_key), address and notification, in the order of the incidents."""
    group = {i.incident_id: i.group_key for i in incidents}
    messages: dict[tuple[Any, ...], list[Decision]] = {}
    for d in decisions:
        messages.setdefault((group[d.incident_id], d.address.key, d.notification, d.choice), []).append(d)
    return list(messages.values())


def message_key(decisions: Iterable[Decision]) -> str:
    """Return the idempotency key of a message: a digest of its deliveries."""
    return "pulse-" + sha256("|".join(sorted(d.delivery_id for d in decisions)).encode()).hexdigest()[:32]
