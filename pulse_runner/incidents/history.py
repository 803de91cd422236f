"""What was known of incidents on a date: their states, taken back by their events.

A date that is judged again is judged with what was known when it was judged first. So a decision counts for the dates after
it: one of Pulse for the dates after its own, one of a person for the dates that were not judged yet when it was made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pulse_runner.detectors.base import Key
from pulse_runner.incidents.incident import NOTES, PULSE, Incident, IncidentEvent, Transition

EVER = date.max  # an incident that is ignored until some date; which one does not matter to baselines
SEEN = ("opened", "continued", "worsened", "reopened")  # events of Pulse that a finding led to


@dataclass(frozen=True)
class _State:
    """An incident after one of its events; `after` is the last date for which that event is not known yet."""

    after: date
    incident: Incident
    by_person: bool  # the status is what a person made it


class History:
    """The incidents of a warehouse with their events. `record` adds what a date does to them."""

    def __init__(self, incidents: Iterable[Incident], events: Iterable[IncidentEvent]) -> None:
        self._incidents = {i.incident_id: i for i in incidents}
        self._events: dict[str, dict[str, IncidentEvent]] = {}
        for event in events:
            self._events.setdefault(event.incident_id, {})[event.event_id] = event
        self._states: dict[str, list[_State]] = {}

    def record(self, changes: Iterable[Transition]) -> None:
        """Take over what became of incidents."""
        for change in changes:
            identity = change.incident.incident_id
            self._incidents[identity] = change.incident
            self._events.setdefault(identity, {})[change.event.event_id] = change.event
            self._states.pop(identity, None)

    @property
    def current(self) -> list[Incident]:
        """Return all incidents as they are now, the first detected first."""
        return sorted(self._incidents.values(), key=_order)

    def known_before(self, day: date) -> list[Incident]:
        """Return the incidents as they were when `day` had not been judged."""
        return [state.incident for state in self._before(day)]

    def decided_before(self, day: date) -> list[Incident]:
        """Return those that a person had resolved or ignored when `day` had not been judged.

        A date that was judged before the decision is the last one that an incident covers: nobody knew of a later one.
        """
        return [
            replace(s.incident, resolved_on=min(s.incident.resolved_on or date.max, s.after + timedelta(days=1)))
            for s in self._before(day)
            if s.by_person and s.incident.status in ("resolved", "ignored")
        ]

    def homes(self, day: date) -> dict[Key, str]:
        """Return for each test the incident that its finding of `day` belongs to, once `day` has been judged.

        That is one that was open then. Where only a later one answers for the test, it is the first of these.
        """
        then = sorted(self.known_before(day + timedelta(days=1)), key=lambda i: (not i.is_live, *_order(i)))
        homes: dict[Key, str] = {}
        for incident in [*(i for i in then if i.is_live or i.resolved_on == day), *self.current]:
            if incident.is_live or (incident.resolved_on or day) >= day:
                for key in incident.keys:
                    homes.setdefault(key, incident.incident_id)
        return homes

    def _last_judged(self, at: datetime) -> date | None:
        """Return the last date that had been judged at some time, as far as the events of all incidents tell."""
        events = (e for own in self._events.values() for e in own.values())
        return max((e.snapshot_date for e in events if e.actor == PULSE and _time(e) <= at), default=None)

    def _before(self, day: date) -> Iterator[_State]:
        for identity in sorted(self._incidents, key=lambda i: _order(self._incidents[i])):
            states = self._states.get(identity)
            if states is None:
                states = self._states[identity] = _states(
                    self._incidents[identity], list(self._events.get(identity, {}).values()), self._last_judged
                )
            at = bisect_left([s.after for s in states], day) - 1
            if at >= 0:
                state = states[at]
                joined = tuple(r for r in state.incident.related if r.joined_on < str(day))
                yield replace(state, incident=replace(state.incident, related=joined))


def _order(incident: Incident) -> tuple[date, str]:
    return incident.detected_on, incident.incident_id


def _states(
    incident: Incident, events: Sequence[IncidentEvent], last_judged: Callable[[datetime], date | None]
) -> list[_State]:
    """Return what an incident was after each of its events; `last_judged` says which date had been judged at a time."""
    if not events:
        return [_State(incident.detected_on, incident, incident.resolution == "person")]
    states: list[_State] = []
    before = replace(incident, last_seen_on=incident.detected_on, resolved_on=None, resolution="")
    for after, event in _by_knowledge(events, last_judged):
        if event.event in NOTES:
            continue
        by_person = event.actor != PULSE
        changes: dict[str, object] = {"status": event.to_status}
        if event.to_status == "resolved":
            is_now = incident.resolved_on == event.snapshot_date
            how = "person"
            if event.event in ("false_alarm", "accepted") or not by_person:
                how = event.event
            elif is_now and incident.resolution == "accepted":
                how = incident.resolution
            # what was over already stays over since then
            changes |= {"resolved_on": before.resolved_on or event.snapshot_date, "resolution": how, "until_on": None}
        else:
            until = EVER if event.event == "ignored_until" else None
            changes |= {"resolved_on": None, "resolution": "", "until_on": until}
        if event.event in SEEN and not by_person:
            changes["last_seen_on"] = max(before.last_seen_on, event.snapshot_date)
        before = replace(before, **changes)  # type: ignore[arg-type]
        still = bool(states) and states[-1].by_person and states[-1].incident.status == before.status
        states.append(_State(after, before, by_person or still))
    return states


def _by_knowledge(
    events: Sequence[IncidentEvent], last_judged: Callable[[datetime], date | None]
) -> list[tuple[date, IncidentEvent]]:
    """Return the events in the order in which dates get to know them, each with the last date that did not.

    A decision of a person is not known to the dates that were judged before it, whether or not this incident was seen on them.
    """
    first = min((e.snapshot_date for e in events if e.actor == PULSE), default=date.min)

    known = [(e.snapshot_date if e.actor == PULSE else last_judged(_time(e)) or first, e) for e in events]
    return sorted(known, key=lambda k: (k[0], k[1].actor != PULSE, _time(k[1]), k[1].event_id))


def _time(event: IncidentEvent) -> datetime:
    return event.occurred_at.replace(tzinfo=None)
