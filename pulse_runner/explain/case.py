"""The incident that is to be explained, with its definitions and its dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from pulse_runner.compile.sql import quoted
from pulse_runner.incidents.incident import Incident
from pulse_runner.metrics import REACH, Metric, find, ladder_of
from pulse_runner.scrub import scrub
from pulse_runner.segments.columns import rule_columns, source_column
from pulse_runner.segments.model import Entity, Project, Relation, Rule, Segment
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import Manifest, node_of, owners_of, relation_name

USUAL_DAYS = 28  # four of each weekday
CONVERTED = "converted"  # what metrics of conversion are counted from
SIZES = ("size", "entered", "exited")  # metrics that members move by coming and leaving


@dataclass(frozen=True)
class Case:
    """The incident that is to be explained, and its definitions.

    The change happened from `first` to `last` (the same day for a sudden one); `before` is the
    last good snapshot earlier than that, None when there is none. `columns` are those that the
    metric depends on, most directly first: of the entity's relation by name, of an events relation
    as `<events>.<column>`. `relation` and `event_relations` are how SQL names the entity's and
    each events relation. `upstream_owners` are those that dbt knows, by name and path of a model or
    source. Groups of fewer than `k` people are not told outside.
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
    columns: tuple[str, ...] = ()
    rule_text: str = ""
    relation: str = ""
    event_relations: Mapping[str, str] = field(default_factory=dict)
    upstream_owners: Mapping[tuple[str, str], str] = field(default_factory=dict)
    k: int = 5
    dialect: str = ""

    def sql(self, column: str) -> str:
        """Return a column of the entity's relation as SQL names it there."""
        own = self.definition.columns.get(column) if self.definition else None
        return quoted(own, self.dialect) if own else column

    @property
    def subject(self) -> str:
        """Name what the incident is about: the segment, or the entity."""
        return self.segment_id or self.entity

    @property
    def measure(self) -> Metric:
        """Return what is known of the metric: its table and columns, how it varies, its names."""
        return find(self.metric)

    @property
    def channel(self) -> str:
        """Return the channel of an incident of reach, '' for others."""
        return self.metric.removeprefix(REACH) if self.metric.startswith(REACH) else ""

    @property
    def ladder(self) -> tuple[str, str] | None:
        """Return the channel and the step of an incident of what a destination did, None for others."""
        return ladder_of(self.metric)

    @property
    def usual_from(self) -> date:
        """Return the first of the days that `usual` is taken from."""
        return self.first - timedelta(days=USUAL_DAYS)

    def field_of(self, attribute: str) -> str:
        """Return the field behind an attribute; a name that is no attribute is its own."""
        attributes = self.definition.attributes if self.definition else ()
        return next((a.field for a in attributes if a.name == attribute), attribute)


def make_case(
    warehouse: Warehouse,
    incident: Incident,
    project: Project,
    manifest: Manifest | None,
    k: int,
    until: date | None = None,
) -> Case:
    """Return the case of an incident: its dates, definitions and last good snapshot before it.

    It is looked at as of the day on which it was found, or as of a later one, `until`.
    """
    segment_id, entity = incident.segment_id or "", incident.entity or ""
    segment, definition = project.segments.get(segment_id), project.entities.get(entity)
    first = incident.started_on
    last = max(incident.detected_on or first, first, until or first)
    return Case(
        incident_id=incident.incident_id,
        segment_id=segment_id,
        entity=entity,
        detector=incident.detector,
        metric=incident.metric or "",
        attribute=incident.attribute or "",
        bucket=incident.bucket or "",
        direction=incident.direction or "",
        owner=incident.owner or "",
        first=first,
        last=last,
        before=_last_good(warehouse, segment_id, entity, first),
        segment=segment,
        definition=definition,
        columns=metric_columns(incident, project),
        rule_text=_rule_text(warehouse, segment_id, last),
        relation=_named(manifest, definition.relation) if definition else "",
        event_relations={
            e.name: _named(manifest, e.relation) for e in (definition.events if definition else {}).values()
        },
        upstream_owners=owners_of(manifest),
        k=k,
        dialect=warehouse.dialect,
    )


def metric_columns(incident: Incident, project: Project) -> tuple[str, ...]:
    """Return the columns behind an incident's metric, the most direct first.

    The event's for conversion, the last visit's for inactivity, the channel's for reach, the
    attribute's for a distribution; then those of the segment's rule, through references too.
    """
    entity, segment = project.entities.get(incident.entity), project.segments.get(incident.segment_id)
    if entity is None:
        return ()
    names, metric = list[str](), incident.metric or ""
    counted = find(metric).numerator
    if counted == CONVERTED and entity.conversion_event_at:
        names.append(entity.conversion_event_at)
    if counted == "inactive" and entity.last_seen_at:
        names.append(entity.last_seen_at)
    if metric.startswith(REACH):
        text = entity.reach.get(metric.removeprefix(REACH), "")
        names += [f for f in entity.fields if re.search(rf"\b{re.escape(f)}\b", text)]
    attributes = {a.name: a.field for a in entity.attributes}
    named = [attributes.get(n, n) for n in (incident.attribute, incident.bucket)]
    names += [n for n in named if n in entity.fields]
    columns = [source_column(entity, n) for n in names]
    if segment is not None:
        columns += rule_columns(segment.rule, entity, rules_of(project))
    return tuple(dict.fromkeys(columns))


def _named(manifest: Manifest | None, relation: Relation) -> str:
    """Return how SQL names a relation: as dbt built it, else as the Jinja call."""
    node = node_of(manifest, relation.function, *relation.arguments)
    return relation_name(node) or f"{{{{ {relation.jinja()} }}}}"


def rules_of(project: Project) -> dict[str, Rule]:
    """Return the rules of a project by segment."""
    return {name: segment.rule for name, segment in project.segments.items()}


def _last_good(warehouse: Warehouse, segment_id: str, entity: str, first: date) -> date | None:
    of, value = ("segment_id", segment_id) if segment_id else ("entity", entity)
    rows = warehouse.query(
        f"select max(snapshot_date) as day from {warehouse.table('pulse_segment_snapshots')}"
        f" where {of} = ? and status = 'ok' and snapshot_date < ?",
        [value, first],
    )
    found: date | None = rows[0]["day"]
    return found


def _rule_text(warehouse: Warehouse, segment_id: str, last: date) -> str:
    """Return the rule that held on `last`, else the next one that is known."""
    rows = warehouse.query(
        f"select rule_text from {warehouse.table('pulse_segments')} where segment_id = ?"
        " order by case when valid_from <= ? then 0 else 1 end, valid_from desc, version desc",
        [segment_id, last],
    )
    return scrub(str(rows[0]["rule_text"]), 1000) if rows else ""
