"""Gather the numbered facts about an incident from Pulse's own tables; only aggregates are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pulse_runner.explain.case import Case, make_case
from pulse_runner.explain.evidence import AROUND_SOURCES, SEGMENT_SOURCES
from pulse_runner.explain.evidence.collector import Answers, Collector
from pulse_runner.explain.explanation import Evidence
from pulse_runner.explain.lineage.trace import lineage_of
from pulse_runner.incidents.incident import Incident
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import Manifest

MAX_EVIDENCE = 24


@dataclass(frozen=True)
class Bundle:
    """What is known about one incident: its case, the facts by weight, the failed questions."""

    case: Case
    evidence: tuple[Evidence, ...]
    gaps: tuple[str, ...]


def gather(
    warehouse: Warehouse,
    incident: Incident,
    project: Project,
    manifest: Manifest | None = None,
    k: int = 5,
    until: date | None = None,
    root: Path | None = None,
    answers: Answers | None = None,
) -> Bundle:
    """Return the facts of one incident, numbered from the weightiest on.

    `manifest` is dbt's, for the lineage of a column and the name of the entity's relation; `root` is
    the project's folder, for what the manifest leaves out. `answers` are shared by the incidents of a
    run. Groups of fewer than `k` members are told as `<k`. With `until`, the facts are those of a day
    after that of its detection.
    """
    case = make_case(warehouse, incident, project, manifest, k, until)
    lineage = lineage_of(manifest, case.dialect, root) if manifest is not None else None
    collector = Collector(case, warehouse, project, manifest, lineage, {} if answers is None else answers)
    for source in (*(SEGMENT_SOURCES if case.segment_id else ()), *AROUND_SOURCES):
        source.gather(collector)
    ordered = sorted(collector.found, key=lambda e: (-round(e.weight, 6), e.kind, e.statement))
    numbered = tuple(
        replace(e, id=f"E{n}", weight=round(e.weight, 4)) for n, e in enumerate(ordered[:MAX_EVIDENCE], start=1)
    )
    return Bundle(case, numbered, tuple(collector.gaps))
