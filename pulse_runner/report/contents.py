"""What a report holds, as plain values: no warehouse, no HTML. Numbers of few people are hidden already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from pulse_runner.alert.delivery import Delivery
from pulse_runner.explain.explanation import Evidence, Scalar
from pulse_runner.explain.store import StoredExplanation
from pulse_runner.incidents.incident import Incident, IncidentEvent
from pulse_runner.known_events.event import KnownEvent
from pulse_runner.report.attention import Notice
from pulse_runner.report.ladder import Ladder
from pulse_runner.report.lineage import Lineage

Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Series:
    """A metric on each day of the period, with what was expected; None where it is not known, or of few people.

    `shown` is the last day in words, `week_ago` the same weekday a week before; `said` what the detector makes of the last day.
    """

    metric: str
    label: str
    is_rate: bool
    values: Values
    lower: Values = ()
    upper: Values = ()
    shown: str = ""
    week_ago: str = ""
    expected: str = ""
    said: str = ""


@dataclass(frozen=True)
class Cause:
    """Members who came (`gained`) or left (`lost`) by one cause, per day of the period: a count, `<5`, or a bound such as `>570`."""

    direction: str
    cause: str
    words: str
    members: tuple[Scalar, ...]


@dataclass(frozen=True)
class Bucket:
    """One bucket of an attribute: members then and now as they may be told, and how many points of share it moved (None: hidden)."""

    name: str
    then: Scalar
    now: Scalar
    then_share: float | None
    now_share: float | None

    @property
    def moved(self) -> float | None:
        """Return the change of its share."""
        return None if self.then_share is None or self.now_share is None else self.now_share - self.then_share


@dataclass(frozen=True)
class Mix:
    """How the members spread over an attribute on two dates."""

    attribute: str
    then: date
    now: date
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True)
class Version:
    """One version of a segment's definition; `change` is the size on its first day against the snapshot before.

    `gained` and `lost` are those who came and left by the edit alone, not by the data of the day; None where that is not known.
    """

    version: int
    rule: str
    valid_from: date
    valid_to: date | None
    owner: str
    is_rule_edit: bool
    change: str
    gained: Scalar = None
    lost: Scalar = None


@dataclass(frozen=True)
class Step:
    """One condition of a rule: those left after it and all before it, and their share of all keys (None: hidden)."""

    condition: str
    left: Scalar
    share: float | None


@dataclass(frozen=True)
class Overlap:
    """Members shared with another segment, as they may be told; `alike` is the share of those in either who are in both."""

    other: str
    label: str
    shared: Scalar
    of_own: float | None
    of_other: float | None
    alike: float | None
    is_duplicate: bool


@dataclass(frozen=True)
class Membership:
    """Whom the rule of a segment takes on a day of its relation: step by step, and shared with others, most alike first.

    `heat` has a row for the segment and each of `overlaps`: the share of its members who are in each of them too, in the same order.
    `trouble` says why nothing was counted, '' where it was.
    """

    day: date | None = None
    funnel: tuple[Step, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    heat: tuple[Values, ...] = ()
    trouble: str = ""

    @property
    def duplicates(self) -> list[Overlap]:
        """Return the segments that hold nearly the same people."""
        return [o for o in self.overlaps if o.is_duplicate]


@dataclass(frozen=True)
class SegmentFacts:
    """One segment: its definition and everything that is measured of it."""

    segment_id: str
    label: str
    description: str
    entity: str
    owner: str
    rule: str
    sql: str
    alerts: tuple[str, ...]
    thresholds: tuple[tuple[str, str], ...]
    status: str
    status_reason: str
    day: date | None
    size: Series
    rates: tuple[Series, ...]
    causes: tuple[Cause, ...]
    mixes: tuple[Mix, ...]
    came_from: tuple[tuple[str, int], ...]
    went_to: tuple[tuple[str, int], ...]
    versions: tuple[Version, ...]
    incidents: tuple[Incident, ...]
    events: tuple[KnownEvent, ...]
    membership: Membership = Membership()
    ladders: tuple[Ladder, ...] = ()

    @property
    def last_size(self) -> float | None:
        """Return the size on the last day."""
        return self.size.values[-1] if self.size.values else None

    @property
    def hides_causes(self) -> bool:
        """Say whether some day's change has a part of too few people for a bar."""
        return any(isinstance(m, str) and m.startswith("<") for c in self.causes for m in c.members)

    def change(self, days: int) -> float | None:
        """Return the change of the size against so many days before; None when one of them is not known."""
        if len(self.size.values) <= days:
            return None
        now, before = self.size.values[-1], self.size.values[-1 - days]
        return None if now is None or not before else now / before - 1


@dataclass(frozen=True)
class IncidentFacts:
    """One incident with all that is known about it."""

    incident: Incident
    label: str
    owner: str
    sentence: str
    told: StoredExplanation | None
    events: tuple[IncidentEvent, ...]
    deliveries: tuple[Delivery, ...]
    similar: tuple[Incident, ...]
    metric: Series | None
    lineages: tuple[Lineage, ...] = ()
    columns: Mapping[str, Values] = field(default_factory=dict)
    buckets: Mapping[str, Values] = field(default_factory=dict)

    @property
    def movements(self) -> list[Evidence]:
        """Return the facts of who moved by what."""
        return [e for e in self.told.evidence if e.kind == "cause"] if self.told else []


@dataclass(frozen=True)
class ColumnFacts:
    """One column of an entity on its last day, and its null share on each day.

    Its range is left out: an end of it is one person's value.
    """

    name: str
    data_type: str
    nulls: Values
    null_share: str
    distinct: int | None


@dataclass(frozen=True)
class EntityFacts:
    """One entity: its rows on each day and its columns."""

    entity: str
    label: str
    day: date
    status: str
    status_reason: str
    rows: Values
    duplicates: Values
    null_keys: int
    freshest: str
    columns: tuple[ColumnFacts, ...]


@dataclass(frozen=True)
class Report:
    """A report of `first` to `last`. `made_at` is in the project's time zone."""

    project: str
    first: date
    last: date
    made_at: datetime
    scope: str
    notices: tuple[Notice, ...]
    segments: tuple[SegmentFacts, ...]
    incidents: tuple[IncidentFacts, ...]
    entities: tuple[EntityFacts, ...]
    events: tuple[KnownEvent, ...]
    left_out: int = 0
    k: int = 5

    @property
    def days(self) -> int:
        """Return how many days it covers."""
        return (self.last - self.first).days + 1
