"""What a valid definition is, as plain values: no file, no line, no YAML, no warehouse.

Columns stand here under the names that Pulse reads them with (`names.safe_name`). Where a relation calls a
column otherwise, `columns` of its Entity or EventSource says how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pulse_runner.segments.functions import Functions
from pulse_runner.segments.routing import FOLLOW_UPS, DigestTime, Escalation, FollowUp, GroupBy, Hours, Match
from pulse_runner.segments.strict import ChannelSettings
from pulse_runner.vocabulary import Criticality, Severity

FieldType = Literal["number", "text", "boolean", "date", "timestamp"]
Value = str | int | float | bool
Values = tuple[Value, ...]


@dataclass(frozen=True)
class Relation:
    """A dbt relation: `ref(...)` or `source(...)` with its one or two arguments."""

    function: Literal["ref", "source"]
    arguments: tuple[str, ...]

    def jinja(self) -> str:
        """Return the call as it stands between `{{ }}`."""
        return f"{self.function}({', '.join(repr(a) for a in self.arguments)})"


@dataclass(frozen=True)
class Field:
    """A column that rules may use, or a clock derived from one (`days_since`: whole days from that field to the snapshot date)."""

    name: str
    type: FieldType
    days_since: str | None = None


@dataclass(frozen=True)
class Attribute:
    """A field whose distribution is kept: by category (`top` largest, the rest as `(other)`) or in `bins`."""

    name: str
    field: str
    bins: tuple[float, ...] = ()
    top: int = 50
    values: Literal["", "shown", "hidden"] = ""  # '' where nothing is declared: shown unless they look like people


@dataclass(frozen=True)
class History:
    """How the relation knows its past: rows per date, validity intervals, or (`kind` none) today only."""

    kind: Literal["as_of", "validity", "none"]
    as_of: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None


@dataclass(frozen=True)
class EventSource:
    """A relation with one row per event of an entity key."""

    name: str
    relation: Relation
    key: str
    at: str
    fields: Mapping[str, Field]
    columns: Mapping[str, str] = field(default_factory=dict)


Outcome = Literal["synced", "accepted", "rejected", "bounced", "unsubscribed"]
OUTCOMES: tuple[Outcome, ...] = ("synced", "accepted", "rejected", "bounced", "unsubscribed")


@dataclass(frozen=True)
class Destination:
    """A relation with one row per key and what a destination did with it: `statuses` are the words that it uses for each outcome.

    The latest row of a key counts, when its day lies 0 to `max_age_days` before the snapshot date. `segment` is the column that names
    the segment, None where a row counts for all of them.
    """

    relation: Relation
    key: str
    at: str
    status: str
    reason: str | None = None
    segment: str | None = None
    max_age_days: int = 0
    statuses: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {o: (o,) for o in OUTCOMES})
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReachSteps:
    """What a channel tells of the way to the person: SQL per step, and the destination.

    `segments` are those that are sent to it; none: all of them.
    """

    eligible: str = ""
    consented: str = ""
    addressable: str = ""
    reachable: str = ""
    destination: Destination | None = None
    segments: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[tuple[str, str, str], ...]:
        """Return the conditions in order: the step, the reason for whoever fails it, and its SQL."""
        named = (
            ("eligible", "not eligible", self.eligible), ("reachable", "not consented", self.consented),
            ("reachable", "not addressable", self.addressable), ("reachable", "not reachable", self.reachable),
        )  # fmt: skip
        return tuple(c for c in named if c[2])

    @property
    def sql(self) -> str:
        """Return the condition for a row that can be reached."""
        parts = [sql for _, _, sql in self.conditions]
        return parts[0] if len(parts) == 1 else " and ".join(f"({sql})" for sql in parts)

    @property
    def has_steps(self) -> bool:
        """Say whether more is declared than what a member needs to be reachable."""
        return bool(self.destination or self.eligible or self.consented or self.addressable)

    @property
    def last_step(self) -> str:
        """Return where the ladder ends: a destination that has no word for `accepted` only says what it took."""
        if self.destination is None:
            return "reachable"
        return "accepted" if self.destination.statuses.get("accepted") else "synced"


@dataclass(frozen=True)
class Entity:
    """The relation that segments select from: one row per key (and date)."""

    name: str
    relation: Relation
    key: str
    history: History
    fields: Mapping[str, Field]
    attributes: tuple[Attribute, ...] = ()
    conversion_event_at: str | None = None
    amount: str | None = None
    last_seen_at: str | None = None
    inactive_after_days: int | None = None
    reach: Mapping[str, str] = field(default_factory=dict)
    reach_steps: Mapping[str, ReachSteps] = field(
        default_factory=dict
    )  # of the channels that declare more than one condition
    updated_at: str | None = None
    max_age_days: int = 0
    events: Mapping[str, EventSource] = field(default_factory=dict)
    label: str = ""
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """Return how the relation itself calls a column."""
        return self.columns.get(name, name)


@dataclass(frozen=True)
class FieldLeaf:
    """One condition on one field. `values` holds the operand(s): dates as ISO text, days as int, none for is_null and the like."""

    field: str
    operator: str
    values: Values = ()


@dataclass(frozen=True)
class Comparison:
    """A number compared: `operator` of = != < <= > >=."""

    operator: str
    value: float | int


@dataclass(frozen=True)
class Aggregate:
    """sum, min, max or avg of one numeric field of the matching events, compared."""

    function: Literal["sum", "min", "max", "avg"]
    field: str
    comparison: Comparison


@dataclass(frozen=True)
class EventLeaf:
    """A condition on the events of a key that pass all of `where`.

    Performed (or not) `count` times, or with an `aggregate`, within the last `in_last` days (None: ever).
    """

    event: str
    operator: Literal["performed", "not_performed"]
    count: Comparison | None = None
    aggregate: Aggregate | None = None
    in_last: int | None = None
    where: tuple[FieldLeaf, ...] = ()


@dataclass(frozen=True)
class SegmentLeaf:
    """Membership of another segment of the same entity, on the same date."""

    segment: str
    operator: Literal["in_segment", "not_in_segment"]


@dataclass(frozen=True)
class SqlLeaf:
    """One boolean SQL expression over the entity's fields; `fields` are the ones that it reads."""

    sql: str
    fields: tuple[str, ...]


Leaf = FieldLeaf | EventLeaf | SegmentLeaf | SqlLeaf


@dataclass(frozen=True)
class All:
    """True when every part is true."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True)
class AnyOf:
    """True when at least one part is true."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True)
class Not:
    """The complement: true when the part is not true, nulls included."""

    part: Rule


Rule = All | AnyOf | Not | Leaf


@dataclass(frozen=True)
class DetectorSettings:
    """Exceptions of a segment, or of the project, to a detector's defaults; None keeps the default."""

    threshold: float | None = None
    direction: Literal["both", "down", "up"] | None = None
    enabled: bool | None = None
    attributes: Mapping[str, float | None] = field(default_factory=dict)  # None: switched off
    sensitivity: float | None = None  # false alarms that a series may raise in a year


@dataclass(frozen=True)
class Segment:
    """A named rule over one entity, with an owner, thresholds and alert routes."""

    name: str
    entity: str
    rule: Rule
    owner: str
    label: str = ""
    description: str = ""
    enabled: bool = True
    thresholds: Mapping[str, DetectorSettings] = field(default_factory=dict)
    alerts: tuple[str, ...] = ()
    file: str = ""
    criticality: Criticality = "normal"
    tags: tuple[str, ...] = ()


MESSAGES_PER_RUN = 10


@dataclass(frozen=True)
class Route:
    """A named list of channels: which incidents it takes (`match`; None: of the segments that name it), from which severity on,
    when it may speak, how often, and who is next. `goes_on` is false where no route after it may take the same incident."""

    name: str
    channels: tuple[ChannelSettings, ...]
    min_severity: Severity = "low"
    messages_per_run: int = MESSAGES_PER_RUN
    match: Match | None = None
    goes_on: bool = True
    quiet_hours: Hours | None = None
    business_hours: Hours | None = None
    digest: DigestTime | None = None
    repeat_days: int | None = None
    group_by: GroupBy = "cause"
    follow_ups: tuple[FollowUp, ...] = FOLLOW_UPS
    escalate: Escalation | None = None
    messages_per_hour: int | None = None


@dataclass(frozen=True)
class Project:
    """All definitions of a project, checked against each other."""

    entities: Mapping[str, Entity]
    segments: Mapping[str, Segment]
    routes: Mapping[str, Route]
    defaults: Mapping[str, DetectorSettings] = field(default_factory=dict)
    functions: Functions = Functions()  # noqa: RUF009  frozen

    @property
    def has_destinations(self) -> bool:
        """Say whether any channel declares what its destination did."""
        return any(s.destination for e in self.entities.values() for s in e.reach_steps.values())


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Yield the leaves of a rule from left to right, repeats included.

    >>> [leaf.field for leaf in leaves(All((FieldLeaf("a", "is_null"), Not(FieldLeaf("b", "is_true")))))]
    ['a', 'b']
    """
    if isinstance(rule, All | AnyOf):
        for part in rule.parts:
            yield from leaves(part)
    elif isinstance(rule, Not):
        yield from leaves(rule.part)
    else:
        yield rule
