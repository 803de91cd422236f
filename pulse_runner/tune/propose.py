"""Which settings would have spared people their false alarms. Pure: incidents and what people said of them in, proposals out.

A false alarm on days that several segments share is a known event. Else, where all false alarms of a detector in a segment go
one way and nothing confirmed does, the direction is changed; else the threshold is raised above them. What stays is a known event of
its own. Nothing is proposed that a confirmed incident stands against: the threshold stays at or below its effect, the direction and the
days that it has are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pulse_runner.detectors import BY_NAME
from pulse_runner.detectors.base import Limits, Settings
from pulse_runner.incidents.incident import PULSE, Incident, IncidentEvent
from pulse_runner.known_events.event import KnownEvent
from pulse_runner.vocabulary import percent, plural

MOST = 2.0  # a threshold is raised to at most so many times what it is: more would blind the segment
SHARED = 2  # segments with a false alarm on the same days: something happened


@dataclass(frozen=True)
class Labels:
    """Incidents by what people said of them."""

    false: tuple[Incident, ...]
    confirmed: tuple[Incident, ...]


@dataclass(frozen=True)
class Proposal:
    """One change of the settings of a test, or one known event, with the false alarms that it is for."""

    kind: Literal["threshold", "direction", "known event"]
    why: str
    meant_for: tuple[Incident, ...]
    segment: str = ""
    detector: str = ""
    attribute: str = ""
    threshold: float | None = None
    direction: Literal["up", "down"] | None = None
    event: KnownEvent | None = None

    def words(self) -> str:
        """Return what is proposed, in one line."""
        where = f"{self.segment} {self.detector}{f' of {self.attribute}' if self.attribute else ''}"
        if self.event is not None:
            e = self.event
            return f"known event {e.starts_on} to {e.ends_on}, {e.scope} {e.scope_value}: {e.reason}"
        if self.direction is not None:
            return f"{where}: direction {self.direction}"
        return f"{where}: threshold {self.threshold:g}"


def labels_of(incidents: Iterable[Incident], events: Iterable[IncidentEvent]) -> Labels:
    """Return what people said: false alarms, and what they resolved or took in hand."""
    taken = {e.incident_id for e in events if e.event in ("acknowledged", "assigned") and e.actor != PULSE}
    false, confirmed = list[Incident](), list[Incident]()
    for i in incidents:
        if i.resolution == "false_alarm":
            false.append(i)
        elif i.resolution == "person" or (i.incident_id in taken and i.resolution != "accepted"):
            confirmed.append(i)
    return Labels(tuple(false), tuple(confirmed))


def overlap(one: Incident, other: Incident) -> bool:
    """Say whether two incidents have a day in common."""
    return one.started_on <= other.last_seen_on and other.started_on <= one.last_seen_on


def proposals(labels: Labels, settings: Settings) -> list[Proposal]:
    """Return the candidates, the known events first; each false alarm is meant by one of them."""
    out, left = _shared_events(labels)
    tests: dict[tuple[str, str, str], list[Incident]] = {}
    for i in left:
        attribute = i.attribute if i.segment_id and BY_NAME[i.detector].per_attribute else ""
        tests.setdefault((i.segment_id, i.detector, attribute), []).append(i)
    for (segment, detector, attribute), alarms in sorted(tests.items()):
        out += _of_test(segment, detector, attribute, alarms, labels.confirmed, settings)
    return out


def _shared_events(labels: Labels) -> tuple[list[Proposal], list[Incident]]:
    """Return an event for each segment that has a false alarm on days of a false alarm of another one, and the other alarms."""
    out, left = list[Proposal](), list[Incident]()
    for i in sorted(labels.false, key=lambda i: (i.started_on, i.segment_id, i.incident_id)):
        others = {o.segment_id for o in labels.false if o.entity == i.entity and overlap(i, o)} - {i.segment_id}
        if len(others) + 1 >= SHARED:
            why = f"{plural(len(others) + 1, 'segment')} had a false alarm on these days"
            out += _event_of(i, why, labels.confirmed)
        else:
            left.append(i)
    return out, left


def _event_of(i: Incident, why: str, confirmed: Sequence[Incident]) -> list[Proposal]:
    """Return the days of a false alarm as a known event; nothing where a confirmed incident has one of them."""
    if any(c.entity == i.entity and i.segment_id in ("", c.segment_id) and overlap(c, i) for c in confirmed):
        return []
    scope, value = ("segment", i.segment_id) if i.segment_id else ("entity", i.entity)
    event = KnownEvent(i.started_on, i.last_seen_on, scope, value, i.note or "a false alarm")
    return [Proposal("known event", why, (i,), i.segment_id, event=event)]


def _of_test(
    segment: str, detector: str, attribute: str, alarms: Sequence[Incident], confirmed: Sequence[Incident],
    settings: Settings,
) -> list[Proposal]:  # fmt: skip
    own = [c for c in confirmed if (c.segment_id, c.detector) == (segment, detector)]
    own = [c for c in own if attribute in ("", c.attribute)]
    rule = settings.rule(BY_NAME[detector], segment, attribute or None)
    if segment and BY_NAME[detector].is_graded:
        ways = {i.direction for i in alarms}
        if len(alarms) >= SHARED and len(ways) == 1 and rule.direction == "both" and not attribute:
            (way,) = ways
            if way not in {c.direction for c in own} and not BY_NAME[detector].per_attribute:
                other: Literal["up", "down"] = "up" if way == "down" else "down"
                why = f"all {len(alarms)} false alarms went {way}, and nothing that was confirmed did"
                return [Proposal("direction", why, tuple(alarms), segment, detector, attribute, direction=other)]
        least = min((abs(c.peak_effect) for c in own), default=math.inf)
        most = MOST * (rule.threshold or 0.0)
        spared = [i for i in alarms if above(abs(i.peak_effect)) <= min(least, most)]
        if spared:
            value = max(above(abs(i.peak_effect)) for i in spared)
            kept = f"; the smallest confirmed one was {percent(least)}" if own else ""
            top = percent(max(abs(i.peak_effect) for i in spared))
            why = f"{plural(len(spared), 'false alarm')} of up to {top}{kept}"
            rest = [i for i in alarms if i not in spared]
            found = [Proposal("threshold", why, tuple(spared), segment, detector, attribute, threshold=value)]
            return found + [p for i in rest for p in _event_of(i, "too large for a threshold", confirmed)]
    return [p for i in alarms for p in _event_of(i, "neither a threshold nor a direction would spare it", confirmed)]


def above(effect: float) -> float:
    """Return the next whole percent above an effect.

    >>> above(0.171), above(0.2)
    (0.18, 0.21)
    """
    return (math.floor(round(effect * 100, 6)) + 1) / 100


def settings_with(settings: Settings, chosen: Iterable[Proposal]) -> Settings:
    """Return the settings with what proposals change in them; known events change the history, not the settings."""
    segments: dict[tuple[str, str], Limits] = dict(settings.segments)
    attributes: dict[tuple[str, str, str], Limits] = dict(settings.attributes)
    for p in chosen:
        if p.attribute:
            attributes[p.segment, p.detector, p.attribute] = Limits(p.threshold)
        elif p.event is None:
            own = segments.get((p.segment, p.detector), Limits())
            own = replace(own, threshold=p.threshold) if p.threshold is not None else own
            segments[p.segment, p.detector] = replace(own, direction=p.direction) if p.direction else own
    return replace(settings, segments=segments, attributes=attributes)


def events_with(chosen: Iterable[Proposal]) -> list[KnownEvent]:
    """Return the known events among proposals."""
    return [p.event for p in chosen if p.event is not None]


def as_mapping(proposals: Iterable[Proposal]) -> Mapping[str, list[Proposal]]:
    """Return the proposals that change a segment's file, by segment."""
    out: dict[str, list[Proposal]] = {}
    for p in proposals:
        if p.event is None:
            out.setdefault(p.segment, []).append(p)
    return out
