"""Evidence from the reasons of stale days: which node upstream failed, was skipped or is late, and who is blind through it."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.incidents.incident import STATUS
from pulse_runner.upstream import Trouble, troubles_in
from pulse_runner.vocabulary import plural

SEVERAL = 20  # different reasons of one entity and day that are read


@dataclass(frozen=True)
class Nodes:
    """Name the nodes through which segments of the entity cannot be seen on the last date."""

    kinds: tuple[str, ...] = ("node",)

    def gather(self, c: Collector) -> None:
        """Add each node once, the one that the incident is about first."""
        case = c.case
        if case.metric != STATUS:
            return  # it has numbers, so it was seen
        reasons = f"select distinct status_reason{_blind(c)} limit {SEVERAL}"
        read = [str(r["status_reason"] or "") for r in c.rows(reasons, "reasons of stale days")]
        for trouble in dict.fromkeys(t for reason in sorted(read) for t in troubles_in(reason)):
            _add(c, trouble, 0.99 if trouble.name == case.attribute else 0.95)


def _blind(c: Collector) -> str:
    """Return from where and which rows tell of stale segments of the last date."""
    case = c.case
    own = f" and segment_id = {literal(case.segment_id)}" if case.segment_id else ""
    return (
        f" from {c.table('pulse_segment_snapshots')} where entity = {literal(case.entity)}"
        f" and snapshot_date = {literal(case.last)} and status = 'stale'{own}"
    )


def _add(c: Collector, trouble: Trouble, weight: float) -> None:
    told = {
        "node": trouble.name, "node_kind": trouble.kind, "state": trouble.state, "path": _path(c, trouble.name),
        "error": trouble.error,
    }  # fmt: skip
    sql = sql_text(
        f"select {', '.join(f'{literal(v)} as {k}' for k, v in told.items())}, count(*) as segments{_blind(c)}"
        f" and status_reason like {literal(f'%{trouble.headline()}%')}"
    )
    for row in c.rows(sql, f"segments that need {trouble.name}"):
        said = f": {trouble.error}" if trouble.error else ""
        text = (
            f"On {c.case.last}, {trouble.kind} {trouble.name} {trouble.state}{said}."
            f" {plural(int(row['segments']), 'segment')} of {c.case.entity} cannot be seen because of it."
        )
        c.add("node", text, row, list(row), sql, source="pulse_segment_snapshots", weight=weight)


def _path(c: Collector, name: str) -> str:
    """Return the file of a node by dbt's manifest, '' where it is not known."""
    if c.manifest is None:
        return ""
    every = [*c.manifest.get("nodes", {}).values(), *c.manifest.get("sources", {}).values()]
    named = [n for n in every if name in (n["name"], f"{n.get('source_name')}.{n['name']}")]
    return str(named[0].get("original_file_path") or "") if named else ""
