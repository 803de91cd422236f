"""What an explanation is made of: the case, the evidence, the hypotheses. Plain values, no edge."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, Literal

from pulse_runner.segments.model import Entity, FieldLeaf, Segment, SqlLeaf, leaves

Scalar = str | int | float | bool | None
Confidence = Literal["high", "medium", "low"]
CONFIDENCES: tuple[Confidence, ...] = ("high", "medium", "low")
ROWS = "(rows)"  # the column name under which entity_health keeps the relation as a whole

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e]+")


@dataclass(frozen=True)
class Evidence:
    """One numbered fact: `values` are columns of one row that `sql` returns, `statement` says them in a sentence.

    `sql` runs as pasted and is '' only where the fact comes from a file (`source` names it). `weight` runs from 0 to 1 and
    orders the facts of an incident; `contribution` is the fact's signed part of the size change in members, where it has one.
    """

    kind: str
    statement: str
    values: Mapping[str, Scalar]
    sql: str
    weight: float
    source: str
    id: str = ""
    contribution: float | None = None


@dataclass(frozen=True)
class Case:
    """The incident that is to be explained, and its definitions.

    The change happened from `first` to `last` (the same day for a sudden one); `before` is the last good snapshot earlier than
    that, None when there is none. `relation` is how SQL names the entity's relation. `k`: smaller buckets are not told outside.
    """

    incident_id: str
    segment_id: str
    entity: str
    detector: str
    metric: str
    attribute: str
    bucket: str
    direction: str
    owner: str
    first: date
    last: date
    before: date | None = None
    segment: Segment | None = None
    definition: Entity | None = None
    rule_text: str = ""
    relation: str = ""
    k: int = 5

    @property
    def subject(self) -> str:
        """Name what the incident is about: the segment, or the entity."""
        return self.segment_id or self.entity

    def columns(self) -> tuple[str, ...]:
        """Return the columns of the relation that the incident's metric depends on, in the order of the rule."""
        return metric_columns(self)


def metric_columns(case: Case) -> tuple[str, ...]:
    """Return the columns behind a metric: the rule's for sizes, the event's for conversion, the channel's for reach."""
    entity, names = case.definition, list[str]()
    if entity is None:
        return ()
    if case.metric.startswith("conver") and entity.conversion_event_at:
        names.append(entity.conversion_event_at)
    if case.metric.startswith("inactive") and entity.last_seen_at:
        names.append(entity.last_seen_at)
    if case.metric.startswith("reach:"):
        text = entity.reach.get(case.metric.removeprefix("reach:"), "")
        names += [f for f in entity.fields if re.search(rf"\b{re.escape(f)}\b", text)]
    attributes = {a.name: a.field for a in entity.attributes}
    names += [attributes.get(n, n) for n in (case.attribute, case.bucket) if attributes.get(n, n) in entity.fields]
    if case.segment is not None:
        names += rule_columns(case.segment, entity)
    return tuple(dict.fromkeys(source_column(entity, n) for n in names))


def rule_columns(segment: Segment, entity: Entity) -> list[str]:
    """Return the columns that a segment's rule reads, clocks resolved to the column that they count from."""
    names = list[str]()
    for leaf in leaves(segment.rule):
        if isinstance(leaf, FieldLeaf):
            names.append(leaf.field)
        elif isinstance(leaf, SqlLeaf):
            names += leaf.fields
    return list(dict.fromkeys(source_column(entity, n) for n in names))


def source_column(entity: Entity, name: str) -> str:
    """Return the column of the relation that a field is read from."""
    found = entity.fields.get(name)
    return found.days_since if found is not None and found.days_since else name


@dataclass(frozen=True)
class Hypothesis:
    """One possible cause: what is believed, on what evidence, who can act, what to do and what would settle it."""

    cause: str
    title: str
    confidence: Confidence
    reasoning: str
    evidence: tuple[str, ...]
    owner_hint: str = ""
    actions: tuple[str, ...] = ()
    confirm: str = ""
    refute: str = ""


@dataclass(frozen=True)
class Rejection:
    """A part that a check threw out of a model's answer, with the reason."""

    part: str
    text: str
    reason: str


@dataclass(frozen=True)
class Explanation:
    """Hypotheses in order of belief under a headline and a summary, and what was thrown out on the way."""

    headline: str
    summary: str
    hypotheses: tuple[Hypothesis, ...]
    recommendations: tuple[str, ...]
    source: Literal["rules", "openai"] = "rules"
    model: str = ""
    rejected: tuple[Rejection, ...] = field(default=())

    def json_columns(self) -> dict[str, str]:
        """Return the columns of pulse_incident_explanations that hold JSON text."""
        return {
            "hypotheses": dumps([{"rank": n, **asdict(h)} for n, h in enumerate(self.hypotheses, start=1)]),
            "recommendations": dumps(self.recommendations),
            "rejected": dumps([asdict(r) for r in self.rejected]),
        }


def dumps(value: Any) -> str:
    """Return JSON text that is the same for the same value."""
    return json.dumps(value, ensure_ascii=False, default=str)


def evidence_hash(evidence: Sequence[Evidence]) -> str:
    """Return a digest of what is known: it changes exactly when a fact does."""
    facts = sorted(dumps([e.kind, e.statement, dict(e.values)]) for e in evidence)
    return sha256("\n".join(facts).encode()).hexdigest()[:16]


def scrub(text: str, limit: int = 80) -> str:
    """Return text from the data as one harmless line: no control characters, addresses or links, at most `limit` characters.

    >>> scrub("a\\nb jane.doe@example.com")
    'a b [address]'
    """
    one_line = _CONTROL.sub(" ", text).strip()
    clean = _URL.sub("[link]", _EMAIL.sub("[address]", one_line))
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def has_address(text: str) -> bool:
    """Say whether a text holds an e-mail address or a link."""
    return bool(_EMAIL.search(text) or _URL.search(text))


def count(value: float) -> str:
    """Write a count as people read it.

    >>> count(1234), count(12.345), count(0.5)
    ('1,234', '12', '0.5')
    """
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:,.1f}"


def percent(rate: float) -> str:
    """Write a rate in percent, with decimals only where they say something.

    >>> percent(0.4187), percent(0.002), percent(0.041), percent(-0.5)
    ('42 %', '0.2 %', '4.1 %', '-50 %')
    """
    value = rate * 100
    return f"{value:.0f} %" if abs(value) >= 10 or value == 0 else f"{value:.1f} %"


def members(value: float, k: int) -> str:
    """Write a number of people; a number from 1 to k - 1 is only told as smaller than k.

    >>> members(3, 5), members(0, 5), members(1200, 5)
    ('<5', '0', '1,200')
    """
    return f"<{k}" if 0 < value < k else count(value)


def day_month(day: date) -> str:
    """Write a day as in a headline.

    >>> day_month(date(2026, 5, 14))
    '14 May'
    """
    return f"{day.day} {day:%B}"
