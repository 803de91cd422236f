"""Gather the numbered facts about an incident from Pulse's own tables; only aggregates are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pulse_runner.explain import breakdown, members, upstream
from pulse_runner.explain.collect import Collector, literal
from pulse_runner.explain.model import Case, Evidence, scrub
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

MAX_EVIDENCE = 24


@dataclass(frozen=True)
class Bundle:
    """Everything that is known about one incident: its case, the facts by weight, and the questions that failed."""

    case: Case
    evidence: tuple[Evidence, ...]
    gaps: tuple[str, ...]


def gather(
    warehouse: Warehouse,
    incident: Mapping[str, Any],
    project: Project,
    manifest: Mapping[str, Any] | None = None,
    k: int = 5,
) -> Bundle:
    """Return the facts of one incident row, numbered from the weightiest on.

    `manifest` is dbt's, for the lineage of a column and the name of the entity's relation. Buckets of fewer than `k` members
    are told as `<k`.
    """
    case = make_case(warehouse, incident, project, manifest, k)
    collector = Collector(case, warehouse)
    members.gather(collector)
    breakdown.gather(collector)
    upstream.gather(collector, project, manifest)
    ordered = sorted(collector.found, key=lambda e: (-round(e.weight, 6), e.kind, e.statement))[:MAX_EVIDENCE]
    numbered = tuple(replace(e, id=f"E{n}", weight=round(e.weight, 4)) for n, e in enumerate(ordered, start=1))
    return Bundle(case, numbered, tuple(collector.gaps))


def make_case(
    warehouse: Warehouse, incident: Mapping[str, Any], project: Project, manifest: Mapping[str, Any] | None, k: int
) -> Case:
    """Return the case of an incident row: its dates, its definitions and the last good snapshot before it."""
    segment_id, entity = str(incident["segment_id"] or ""), str(incident["entity"] or "")
    first: date = incident["started_on"]
    last: date = max(incident["detected_on"] or first, first)
    snapshots = warehouse.table("pulse_segment_snapshots")
    of = f"segment_id = {literal(segment_id)}" if segment_id else f"entity = {literal(entity)}"
    before = warehouse.query(
        f"select max(snapshot_date) as day from {snapshots} where {of} and status = 'ok' and snapshot_date < {literal(first)}"
    )
    rule = warehouse.query(
        f"select rule_text from {warehouse.table('pulse_segments')} where segment_id = {literal(segment_id)}"
        f" order by case when valid_from <= {literal(last)} then 0 else 1 end, valid_from desc, version desc"
    )
    definition = project.entities.get(entity)
    case = Case(
        incident_id=str(incident["incident_id"]),
        segment_id=segment_id,
        entity=entity,
        detector=str(incident["detector"]),
        metric=str(incident["metric"] or ""),
        attribute=str(incident["attribute"] or ""),
        bucket=str(incident["bucket"] or ""),
        direction=str(incident["direction"] or ""),
        owner=str(incident["owner"] or ""),
        first=first,
        last=last,
        before=before[0]["day"],
        segment=project.segments.get(segment_id),
        definition=definition,
        rule_text=scrub(str(rule[0]["rule_text"]), 1000) if rule else "",
        k=k,
    )
    node = upstream.relation_node(manifest, case)
    name = str(node["relation_name"]) if node and node.get("relation_name") else ""
    return replace(case, relation=name or (f"{{{{ {definition.relation.jinja()} }}}}" if definition else ""))
