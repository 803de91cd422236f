"""Which incidents are one story: those of one cause, as far as their explanations know it. Pure.

A story is what one node, column and slice did from about one day on, in whatever segments, metrics and detectors it shows, the
entity's own incident included. Its name stands in `group_key`, where alerts and `pulse incidents --group` read it.

    marked    the first hypothesis cites a measured fault: the node, the column (and the slice) are known. Same mark, about the same
              start: one story. Another mark: another story, whatever else begins on that day. Columns of one entity that were
              multiplied by one factor have one mark: an amount comes in many columns.
    own       people themselves changed, or the rule did: a story of its own
    unmarked  nothing is known: it stays with what it began with (`incidents/lifecycle.py` looks at the columns that it reads)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, log1p, sqrt

from pulse_runner.explain.explanation import Evidence, Scalar
from pulse_runner.explain.store import StoredExplanation
from pulse_runner.incidents.incident import STATUS, Incident
from pulse_runner.incidents.lifecycle import SAME_CHANGE
from pulse_runner.metrics import ROWS
from pulse_runner.segments.columns import source_column
from pulse_runner.segments.model import Entity

APART = 3  # days that starts of one cause may lie apart: detectors need some days to see where a slow series turned
OWN = ("people_moved", "people_drifted", "rule_edited")  # causes that lie in the segment itself
# evidence of what a cause does, or around it: it says nothing of where the cause lies
CONTEXT = (
    "cause",
    "flow",
    "lineage",
    "siblings",
    "shared",
    "run",
    "column_steady",
    "finding",
    "change",
    "rate",
    "balance",
)


Place = tuple[str, ...]  # ("node", name), ("column", entity, column; '' for its rows) or ("segment", entity, segment)


@dataclass(frozen=True)
class Mark:
    """Where a cause lies: places, and `slices` (`attribute=bucket`) where it is in part of them only.

    `factor` is by how much its numbers were multiplied, where they were.
    """

    places: frozenset[Place]
    slices: frozenset[str] = frozenset()
    factor: float | None = None

    @property
    def is_own(self) -> bool:
        """Say whether the cause lies in one segment itself."""
        return all(place[0] == "segment" for place in self.places)

    def meets(self, other: Mark) -> bool:
        """Say whether two marks can be one cause: a place in common, and no slices that exclude each other."""
        if not self.places & other.places and not self._is_multiplied_like(other):
            return False
        return not self.slices or not other.slices or bool(self.slices & other.slices)

    def _is_multiplied_like(self, other: Mark) -> bool:
        """Say whether the columns of both are of one entity and were multiplied by one factor."""
        if self.factor is None or other.factor is None:
            return False
        entities = [{place[1] for place in mark.places} for mark in (self, other)]
        return bool(entities[0] & entities[1]) and abs(log(self.factor / other.factor)) <= log1p(SAME_CHANGE)


def stories(
    incidents: Sequence[Incident], told: Mapping[str, StoredExplanation], entities: Mapping[str, Entity]
) -> dict[str, str]:
    """Return the story of each incident by its id; the name of a story is the id of its oldest incident, so it lasts."""
    ordered = sorted(incidents, key=lambda i: (i.detected_on, bool(i.segment_id), i.incident_id))
    marks = {i.incident_id: mark_of(i, told.get(i.incident_id), entities.get(i.entity)) for i in ordered}
    home: dict[str, str] = {}
    heads: list[Incident] = []
    for incident in ordered:
        mark = marks[incident.incident_id]
        if mark is None:
            continue
        near = [h for h in heads if _near(h, incident) and _meets(marks[h.incident_id], mark)]
        first = min(near, key=lambda h: abs((h.started_on - incident.started_on).days), default=incident)
        home[incident.incident_id] = home.get(first.incident_id, first.incident_id)
        heads.append(incident)
    return home | _followed(ordered, marks, home)


def mark_of(incident: Incident, stored: StoredExplanation | None, entity: Entity | None) -> Mark | None:
    """Return where the cause of an incident lies; None where nothing is known of it."""
    if not incident.segment_id and incident.metric == STATUS:
        return Mark(frozenset({("node", incident.attribute or incident.entity)}))
    if not incident.segment_id:  # it is itself about columns, or about the rows
        columns = {incident.attribute, *(r.attribute for r in incident.related)}
        return Mark(frozenset(_column(entity, incident.entity, c) for c in columns))
    if stored is None or not stored.explanation.hypotheses:
        return None
    first = stored.explanation.hypotheses[0]
    if first.confidence == "low":
        return None
    if first.cause in OWN:
        return Mark(frozenset({("segment", incident.entity, incident.segment_id)}))
    facts = {e.id: e for e in stored.evidence}
    cited = [facts[i] for i in first.evidence if i in facts and facts[i].kind not in CONTEXT]
    found = [m for e in cited if (m := _of_fact(e, incident, entity)) is not None]
    if not found:
        return None
    same = [m for m in found if m.places == found[0].places]
    factor = next((m.factor for m in same if m.factor is not None), None)
    return Mark(found[0].places, frozenset().union(*(m.slices for m in same)), factor)


def _of_fact(fact: Evidence, incident: Incident, entity: Entity | None) -> Mark | None:
    """Return where a measured fault lies; None for a fact that is no fault of a place."""
    values: Mapping[str, Scalar] = fact.values
    if fact.kind == "node":
        return Mark(frozenset({("node", str(values["node"]))}))
    if fact.kind == "conversion_bucket" and entity is not None:
        at = source_column(entity, entity.conversion_event_at or "")
        return Mark(frozenset({("column", entity.name, at)}), frozenset({_slice(values)}))
    if values.get("column_name"):
        column = str(values["column_name"])
        place = _column(entity, incident.entity, "" if column == ROWS else column)
        return Mark(frozenset({place}), factor=_factor(values) if fact.kind == "scale" else None)
    if values.get("attribute") and values.get("bucket") is not None:
        attribute = str(values["attribute"])
        field = next((a.field for a in entity.attributes if a.name == attribute), attribute) if entity else attribute
        return Mark(frozenset({_column(entity, incident.entity, field)}), frozenset({_slice(values)}))
    return None


def _column(entity: Entity | None, name: str, column: str) -> Place:
    return ("column", name, source_column(entity, column) if entity and column else column)


def _factor(values: Mapping[str, Scalar]) -> float | None:
    """Return by how much the numbers of a column were multiplied: the middle of what its quantiles say."""
    low, high = values.get("low_ratio"), values.get("high_ratio")
    if not isinstance(low, int | float) or not isinstance(high, int | float) or min(low, high) <= 0:
        return None
    return sqrt(low * high)


def _slice(values: Mapping[str, Scalar]) -> str:
    return f"{values['attribute']}={values['bucket']}"


def _meets(one: Mark | None, other: Mark) -> bool:
    return one is not None and one.meets(other)


def _near(one: Incident, other: Incident) -> bool:
    return abs((one.started_on - other.started_on).days) <= APART


def _followed(ordered: Sequence[Incident], marks: Mapping[str, Mark | None], home: Mapping[str, str]) -> dict[str, str]:
    """Return the stories of those that nothing is known of: that of what they began with, where it is known, else as it was."""
    began: dict[str, set[str]] = {}
    for incident in ordered:
        mark = marks[incident.incident_id]
        if mark is not None and not mark.is_own:
            began.setdefault(incident.group_key, set()).add(home[incident.incident_id])
    out = {}
    for incident in ordered:
        if marks[incident.incident_id] is None:
            key, known = incident.group_key, began.get(incident.group_key, set())
            out[incident.incident_id] = home.get(key) or (next(iter(known)) if len(known) == 1 else key)
    return out
