"""Evidence about the entity's other segments: what moves with a column points at it."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.case import rules_of
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.evidence.health import suspected_columns
from pulse_runner.explain.sql import listed, literal, sql_text
from pulse_runner.segments.columns import rule_columns
from pulse_runner.vocabulary import percent, plural

MOVED = 0.10  # a segment counts as moved from this relative change of its size on
MAX_SUSPECTS = 2


@dataclass(frozen=True)
class Siblings:
    """Count which of the other segments moved, and which have an incident too."""

    kinds: tuple[str, ...] = ("siblings", "shared")

    def gather(self, c: Collector) -> None:
        """Add the split by each suspected column (or of all segments), and the day's incidents."""
        for column in suspected_columns(c)[:MAX_SUSPECTS] or [""]:
            _siblings(c, column)
        _shared(c)


def _siblings(c: Collector, column: str) -> None:
    """Split the other segments by whether they read the column ('': none is suspected)."""
    case = c.case
    if case.before is None:
        return
    readers = _readers(c, column)
    sql = _sql(c, readers)
    for row in c.rows(sql, "other segments of the entity"):
        if not (row["readers"] or row["others"]):
            return
        among = f"Among the {'other ' if case.segment_id else ''}segments of {case.entity},"
        span = f"moved by {percent(MOVED)} or more from {case.before} to {case.last}"
        if readers:
            text = (
                f"{among} {row['readers_moved']} of {row['readers']} that read {column} {span},"
                f" and {row['others_moved']} of {row['others']} that do not."
            )
        else:
            text = f"{among} {row['others_moved']} of {row['others']} {span}."
        c.add("siblings", text, row, list(row), sql, source="pulse_segment_snapshots", weight=0.5 if readers else 0.3)


def _readers(c: Collector, column: str) -> list[str]:
    """Return the entity's other segments that read the column, through references too."""
    entity = c.case.definition
    if entity is None or not column:
        return []
    rules = rules_of(c.project)
    return [
        s.name
        for s in c.project.segments.values()
        if s.entity == entity.name and s.name != c.case.segment_id and column in rule_columns(s.rule, entity, rules)
    ]


def _sql(c: Collector, readers: list[str]) -> str:
    case, name = c.case, c.table("pulse_segment_snapshots")
    assert case.before is not None
    reads = f"d.segment_id in ({listed(readers)})"
    moved = f"(d.status = 'broken' or abs(1.0 * (d.size - b.size) / nullif(b.size, 0)) >= {MOVED})"
    return sql_text(f"""
        select sum(case when {reads} then 1 else 0 end) as readers,
          sum(case when {reads} and {moved} then 1 else 0 end) as readers_moved,
          sum(case when {reads} then 0 else 1 end) as others,
          sum(case when not ({reads}) and {moved} then 1 else 0 end) as others_moved
        from {name} as d
        join {name} as b on b.segment_id = d.segment_id and b.snapshot_date = {literal(case.before)}
        where d.snapshot_date = {literal(case.last)} and d.entity = {literal(case.entity)}
          and d.segment_id <> {literal(case.segment_id)}
    """)


def _shared(c: Collector) -> None:
    case = c.case
    sql = sql_text(f"""
        select count(*) as incidents, count(distinct segment_id) as segments
        from {c.table("pulse_incidents")}
        where entity = {literal(case.entity)} and detected_on = {literal(case.last)}
          and incident_id <> {literal(case.incident_id)} and segment_id <> {literal(case.segment_id)}
    """)
    for row in c.rows(sql, "other incidents of the day"):
        if row["incidents"]:
            text = (
                f"{plural(row['incidents'], 'other incident')} of {case.entity} detected on"
                f" {case.last}, in {plural(row['segments'], 'segment')}."
            )
            c.add("shared", text, row, list(row), sql, source="pulse_incidents", weight=0.3)
