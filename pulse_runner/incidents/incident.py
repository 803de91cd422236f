"""Incidents and the events that change them, as the tables hold them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Literal

from pulse_runner.detectors.base import Key
from pulse_runner.vocabulary import ACTIVE, Criticality, Severity, Status

NAME = "INC-"
STATUS = "status"  # the metric of findings about what cannot be read at all
PULSE = "pulse"  # the actor of what Pulse itself decides

EventName = Literal[
    "opened", "continued", "worsened", "recovered", "accepted", "acknowledged", "assigned", "commented", "snoozed",
    "resolved", "false_alarm", "ignored", "ignored_until", "reopened",
]  # fmt: skip
NOTES: tuple[EventName, ...] = ("assigned", "commented", "snoozed")  # events that leave the state as it is


@dataclass(frozen=True)
class About:
    """What an incident about a segment or an entity has to say about it."""

    label: str
    entity: str = ""
    owner: str = ""
    criticality: Criticality = "normal"
    reads: Callable[[str, str], frozenset[str]] | None = None
    """The columns that a metric (and attribute) of the segment comes from, its rule's among them; None: not known."""


@dataclass(frozen=True)
class Related:
    """A finding that belongs to an incident beside its primary one, since the date `joined_on` (text, '' where nobody noted it)."""

    key: Key
    detector: str
    metric: str
    attribute: str
    bucket: str
    direction: str
    severity: Severity
    observed: float | None
    expected: float | None
    effect: float | None
    p_value: float | None
    reason: str
    joined_on: str = ""


@dataclass(frozen=True)
class Incident:
    """One row of `incidents`: the current state."""

    incident_id: str
    group_key: str
    segment_id: str
    entity: str
    detector: str
    metric: str
    attribute: str
    bucket: str
    status: Status
    severity: Severity
    direction: str
    owner: str
    title: str
    reason: str
    started_on: date
    detected_on: date
    last_seen_on: date
    resolved_on: date | None
    resolution: str
    observed: float | None
    expected: float | None
    lower_bound: float | None
    upper_bound: float | None
    effect: float
    p_value: float | None
    threshold: float
    peak_effect: float
    related: tuple[Related, ...]
    assignee: str
    note: str
    created_at: datetime
    updated_at: datetime
    number: int | None = None  # given by the store, once
    until_on: date | None = None  # snoozed, or ignored, until this date
    severity_parts: str = ""  # effect, certainty, audience and criticality behind the severity, as JSON

    @property
    def name(self) -> str:
        """Return what people call it: `INC-42`; its id as long as it has no number."""
        return name_of(self.incident_id, self.number)

    @property
    def key(self) -> Key:
        """Return the key of the findings that keep it open."""
        return (self.entity, self.segment_id, self.detector, self.metric, self.attribute)

    @property
    def keys(self) -> frozenset[Key]:
        """Return the keys of the primary finding and of all related ones."""
        return frozenset({self.key, *(r.key for r in self.related)})

    @property
    def segments(self) -> frozenset[str]:
        """Return the segments that an entity's incident is about, where it is not about all of them."""
        return frozenset(r.key[1] for r in self.related if r.key[1] and not self.segment_id)

    @property
    def columns(self) -> frozenset[str]:
        """Return the columns that an entity's incident is about; '' among them is the entity as a whole."""
        if self.metric == STATUS:
            return frozenset({""})  # what it names is a node, not a column
        return frozenset({self.attribute, *(r.attribute for r in self.related)})

    @property
    def is_live(self) -> bool:
        """Say whether the fault is still there as far as Pulse knows."""
        return self.status != "resolved"

    def is_snoozed(self, day: date) -> bool:
        """Say whether a person put it off until after a day."""
        return self.status in ACTIVE and self.until_on is not None and day < self.until_on

    @property
    def is_accepted(self) -> bool:
        """Say whether its level is what to expect from its start on: a person or Pulse said so."""
        return self.resolution == "accepted" or (self.status == "ignored" and self.until_on is None)


@dataclass(frozen=True)
class IncidentEvent:
    """One row of `pulse_incident_events`: a change of state, when, by whom and why."""

    event_id: str
    incident_id: str
    occurred_at: datetime
    snapshot_date: date
    event: EventName
    from_status: str
    to_status: str
    actor: str
    reason: str


@dataclass(frozen=True)
class Transition:
    """The new state of an incident and the event that led to it."""

    incident: Incident
    event: IncidentEvent


def name_of(incident_id: str, number: int | None) -> str:
    """Return what people call an incident.

    >>> name_of("6b2804ee60448367", 42), name_of("6b2804ee60448367", None)
    ('INC-42', '6b2804ee60448367')
    """
    return incident_id if number is None else f"{NAME}{number}"


def transition(
    before: Incident | None, after: Incident, event: EventName, day: date, now: datetime, actor: str, reason: str,
    unique: str = "",
) -> Transition:  # fmt: skip
    """Return the change of an incident (`before` None when it is new) with the event that tells of it.

    There is one event of a kind per incident, date and actor, and `unique`: people may change their mind within a day.
    """
    identity = digest(f"{after.incident_id}|{event}|{day}|{actor}|{unique}")
    status = before.status if before is not None else ""
    return Transition(
        after, IncidentEvent(identity, after.incident_id, now, day, event, status, after.status, actor, reason)
    )


def digest(text: str) -> str:
    """Return an identity that is the same for the same text, always."""
    return sha256(text.encode()).hexdigest()[:16]
