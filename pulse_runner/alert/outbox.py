"""Decide who is told what. Pure: every decision comes with its reason, nothing is read, written or sent here.

A target is told about an incident when it is first seen, when it comes back, when its severity rises, when somebody has it in hand,
when its cause is found, when its cause grows to more segments, when the repeat interval has passed since the last message, and
when all incidents of its cause are resolved (after the rule of Prometheus' Alertmanager). A delivery counts as told when the channel
took it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from pulse_runner.alert.decision import Decision
from pulse_runner.alert.delivery import UNDER_WAY, Delivery
from pulse_runner.alert.escalation import escalated
from pulse_runner.alert.message import Notification
from pulse_runner.alert.routing import Address, addresses, traits_of
from pulse_runner.alert.situation import Situation
from pulse_runner.alert.withhold import withheld
from pulse_runner.incidents.incident import Incident, IncidentEvent
from pulse_runner.segments.model import Project
from pulse_runner.segments.routing import FOLLOW_UPS, GroupBy
from pulse_runner.vocabulary import ACTIVE, plural, severity_rank

REPEAT_DAYS = 7
Told = tuple[Incident, Delivery]  # an incident, and the last that an address was told of it
BY: Mapping[GroupBy, Callable[[Incident], str]] = {
    "cause": lambda i: i.group_key,
    "incident": lambda i: i.incident_id,
    "segment": lambda i: i.segment_id or i.entity,
    "owner": lambda i: i.owner,
}


def plan(
    incidents: Sequence[Incident],
    events: Mapping[str, Sequence[IncidentEvent]],
    deliveries: Mapping[str, Sequence[Delivery]],
    project: Project,
    day: date,
    *,
    repeat_days: int = REPEAT_DAYS,
    retry: bool = False,
    situation: Situation,
) -> tuple[list[Decision], list[tuple[str, str]]]:
    """Return a decision per incident and address, and (incident_id, reason) for incidents that have no address.

    `events` and `deliveries` are keyed by incident_id; events after `day` must not be among them. `retry`
    plans anew what was given up today. `repeat_days` is for routes that do not say their own.
    """
    decisions, nowhere = [], []
    stories = _told_stories(incidents, deliveries)
    for incident in incidents:
        identity, own = incident.incident_id, deliveries.get(incident.incident_id, ())
        cause = situation.cause(identity)
        where = addresses(project, incident, cause)
        if isinstance(where, str):
            nowhere.append((identity, where))
            continue
        traits = traits_of(project, incident, cause)
        for address in [*where, *escalated(project, incident, where, own, day, situation.now)]:
            route = project.routes[address.route]
            past = [d for d in own if d.address == address.key]
            decision = decide(
                incident,
                events.get(identity, ()),
                past,
                address,
                day,
                repeat_days=repeat_days if route.repeat_days is None else route.repeat_days,
                retry=retry,
                wanted=route.follow_ups,
                found=situation.found_cause,
            )
            known = [t for t in stories.get((incident.group_key, *address.key), ()) if t[0] is not incident]
            if known and route.group_by == "cause":
                decision = _joined(decision, incident, known, day, repeat_days, route.follow_ups)
            decisions.append(withheld(decision, route, traits, past, situation))
    return _hold_until_all_resolved(decisions, incidents, deliveries), nowhere


def _told_stories(
    incidents: Sequence[Incident], deliveries: Mapping[str, Sequence[Delivery]]
) -> dict[tuple[str, ...], list[Told]]:
    """Return the active incidents that an address was told of, with the last word on each, by their cause and that address."""
    out: dict[tuple[str, ...], list[Told]] = defaultdict(list)
    for incident in incidents:
        past = [d for d in deliveries.get(incident.incident_id, ()) if d.was_told]
        for key in {d.address for d in past} if incident.status in ACTIVE else ():
            last = max((d for d in past if d.address == key), key=lambda d: (d.snapshot_date, d.planned_at))
            if last.notification != "resolved":
                out[(incident.group_key, *key)].append((incident, last))
    return out


def _joined(
    decision: Decision, own: Incident, known: Sequence[Told], day: date, repeat_days: int, wanted: Sequence[str]
) -> Decision:
    """Return the first word of an incident whose cause an address knows from others: news where it is worse, or of another segment."""
    if decision.choice != "send" or decision.notification != "opened":
        return decision
    first, last = known[0]
    others = plural(len(known), "other incident")
    if severity_rank(own.severity) > max(severity_rank(i.severity) for i, _ in known):
        return replace(decision, notification="grew", reason=f"its cause is known from {others}, and it is more severe")
    if own.segment_id and own.segment_id not in {s for i, _ in known for s in (i.segment_id, *i.segments)}:
        if "grew" in wanted:
            return replace(decision, notification="grew", reason=f"its cause is known from {others}")
        return replace(
            decision, choice="skip", notification="grew", reason="its route wants no word of a cause that grew"
        )
    if repeat_days and all((day - d.snapshot_date).days >= repeat_days for _, d in known):
        return replace(decision, notification="reminder", reason="it is part of a cause of which a reminder is due")
    return replace(decision, choice="quiet", reason=f"part of {first.name}, which was told on {last.snapshot_date}")


def decide(
    incident: Incident,
    events: Sequence[IncidentEvent],
    past: Sequence[Delivery],
    address: Address,
    day: date,
    *,
    repeat_days: int = REPEAT_DAYS,
    retry: bool = False,
    wanted: Sequence[str] = FOLLOW_UPS,
    found: Callable[[str, datetime], str] = lambda incident_id, since: "",
) -> Decision:
    """Decide one incident at one address, given its events and the deliveries made there before.

    `wanted` are the follow-ups that the route wants; `found` says which cause of an incident is known now and was not at a time.
    """
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
    notification, reason = _due(incident, events, last, day, repeat_days, wanted, found)
    if notification is None:
        return replace(quiet, reason=reason)
    if address.escalated and notification == "opened":
        reason = address.escalated
    due = replace(quiet, choice="send", notification=notification, reason=reason)
    if given_up and not told:
        how = "that may not have arrived" if perhaps else "that was given up"
        due = replace(due, reason=f"{reason}, after a message {how}")
    if severity_rank(incident.severity) < severity_rank(address.min_severity):
        below = f"severity {incident.severity} is below {address.min_severity}, where route {address.route} begins"
        return replace(due, choice="skip", reason=below)
    if incident.status == "acknowledged" and notification in ("opened", "worsened", "grew"):
        who = incident.assignee or "someone"
        return replace(due, choice="skip", reason=f"acknowledged: {who} has it in hand")
    return due


def _due(
    incident: Incident,
    events: Sequence[IncidentEvent],
    last: Delivery | None,
    day: date,
    repeat_days: int,
    wanted: Sequence[str],
    found: Callable[[str, datetime], str],
) -> tuple[Notification | None, str]:
    """Return the notification that is due after `last`, or None, and the reason."""
    active = incident.status in ACTIVE
    if incident.status == "ignored":
        return None, f"ignored by a person{f' until {incident.until_on}' if incident.until_on else ''}"
    if incident.is_snoozed(day):
        return None, f"snoozed until {incident.until_on}"
    if last is None:
        return ("opened", "it is seen for the first time") if active else (None, "it was over before anyone was told")
    if not active:
        if last.notification == "resolved":
            return None, "its end was told"
        if "resolved" not in wanted:
            return None, "its route wants no word of the end"
        return "resolved", "all incidents of this cause are resolved"
    if last.notification == "resolved":
        return "opened", "it is back after its end was told"
    return _news(incident, events, last, day, repeat_days, wanted, found)


def _news(
    incident: Incident, events: Sequence[IncidentEvent], last: Delivery, day: date, repeat_days: int,
    wanted: Sequence[str], found: Callable[[str, datetime], str],
) -> tuple[Notification | None, str]:  # fmt: skip
    """Return what is new of an active incident that was told, or when its reminder follows."""
    fresh = [e for e in events if e.snapshot_date > last.snapshot_date or e.occurred_at > last.planned_at]
    taken = any(e.event == "acknowledged" and e.occurred_at > last.planned_at for e in events)
    if incident.status == "acknowledged" and taken and "acknowledged" in wanted:
        return "acknowledged", f"{incident.assignee or 'someone'} has it in hand"
    waited = (day - last.snapshot_date).days
    repeat = repeat_days > 0 and waited >= repeat_days
    is_worse = any(e.event == "worsened" for e in fresh) and "worsened" in wanted
    if is_worse and not (repeat and incident.status == "acknowledged"):
        return "worsened", f"its severity rose to {incident.severity}"
    if "explained" in wanted and (cause := found(incident.incident_id, last.planned_at)):
        return "explained", f"its cause is known now: {cause}"
    if incident.until_on and last.snapshot_date < incident.until_on:
        return "reminder", f"its snooze ended on {incident.until_on}"
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


def grouped(
    decisions: Iterable[Decision], incidents: Sequence[Incident], project: Project | None = None
) -> list[list[Decision]]:
    """Put what is due into messages, in the order of the incidents.

    One per address and notification, and per what the route groups by: the cause (group_key), the incident, segment or owner.
    """
    known = {i.incident_id: i for i in incidents}
    messages: dict[tuple[Any, ...], list[Decision]] = {}
    for d in decisions:
        route = project.routes.get(d.address.route) if project else None
        what = BY[route.group_by if route else "cause"](known[d.incident_id])
        messages.setdefault((what, d.address.key, d.notification, d.choice, d.fold), []).append(d)
    return list(messages.values())


def message_key(decisions: Iterable[Decision]) -> str:
    """Return the idempotency key of a message: a digest of its deliveries."""
    return "pulse-" + sha256("|".join(sorted(d.delivery_id for d in decisions)).encode()).hexdigest()[:32]
