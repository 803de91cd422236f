"""Evidence about a column that is gone or empty: a column of the relation that nobody uses and that carries its values.

Pulse profiles only what definitions read. So the relation is asked for its columns, and those of the same kind are compared with the
last profile of the lost one: by quantiles for numbers, by shares of values for texts. Only aggregates come back, and no value is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulse_runner.compile.sql import quoted as quoted_column
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.segments.people import looks_like_people
from pulse_runner.vocabulary import percent

EMPTY = 0.95  # nulls from which on a column counts as gone
ALIKE = 0.05  # how far the new column may differ
MAX_CANDIDATES = 12
QUANTILES = ("0.25", "0.5", "0.75", "0.9")


@dataclass(frozen=True)
class NewColumns:
    """Find the column that carries the values of a lost one."""

    kinds: tuple[str, ...] = ("renamed_column",)

    def gather(self, c: Collector) -> None:
        """Add the new column that is most alike, for each lost column of the metric."""
        case, entity = c.case, c.case.definition
        if entity is None or case.before is None or entity.history.kind != "as_of" or case.relation.startswith("{{"):
            return
        for column in _lost(c):
            kind = entity.fields[column].type if column in entity.fields else ""
            if kind not in ("number", "text"):
                continue
            best: tuple[float, dict[str, Any], str] | None = None
            for candidate in _candidates(c):
                found = _compare(c, column, candidate, kind)
                if found is not None and found[0] <= ALIKE and (best is None or found[0] < best[0]):
                    best = found
            if best is not None:
                _, row, sql = best
                text = (
                    f"The relation of {case.entity} has a column {row['new_column']} on {case.last} that no"
                    " definition reads, and its values are"
                    f" those that {column} had on {case.before}: they differ by {percent(row['apart'])}."
                )
                c.add("renamed_column", text, row, list(row), sql, source="relation", weight=0.95)


def _lost(c: Collector) -> list[str]:
    """Return the columns that are missing, or of which all but nothing is left."""
    gone = [str(e.values["column_name"]) for e in c.found if e.kind == "column_missing"]
    for e in c.found:
        share = e.values.get("null_share")
        if e.kind == "nulls" and isinstance(share, int | float) and share >= EMPTY:
            gone.append(str(e.values["column_name"]))
    return list(dict.fromkeys(gone))[:2]


def _candidates(c: Collector) -> list[str]:
    """Return the columns of the relation that no definition reads and that do not look like people, as the relation calls them."""
    entity = c.case.definition
    assert entity is not None
    known = {entity.column(n).lower() for n in (*entity.fields, entity.key)}
    names = c.columns_of(c.case.relation)
    return [n for n in names if n.lower() not in known and not looks_like_people(n)][:MAX_CANDIDATES]


def _compare(c: Collector, column: str, candidate: str, kind: str) -> tuple[float, dict[str, Any], str] | None:
    """Return how far a candidate's values are from those that the column had: (distance, row, SQL)."""
    case, entity = c.case, c.case.definition
    assert entity is not None
    assert case.before is not None
    name, as_of = (
        quoted_column(candidate, case.dialect),
        quoted_column(entity.column(entity.history.as_of or ""), case.dialect),
    )
    rows = f"from {case.relation} where cast({as_of} as date) = {literal(case.last)}"
    if kind == "number":
        value = f"cast({name} as double precision)"
        now = "\n  union all ".join(
            f"select '{q}' as bucket, percentile_disc({q}) within group (order by {value}) as measure {rows} and {name} is not null"
            for q in QUANTILES
        )
        apart, item = "abs(n.measure / nullif(b.value, 0) - 1)", "quantile"
    else:
        now = f"select cast({name} as varchar) as bucket, 1.0 * count(*) / (select count(*) {rows}) as measure {rows} group by 1"
        apart, item = "abs(coalesce(n.measure, 0) - b.share)", "value"
    sql = sql_text(f"""
        select {literal(column)} as column_name, {literal(candidate)} as new_column, max({apart}) as apart
        from {c.table("pulse_column_profiles")} as b
        left join (
          {now}
        ) as n on n.bucket = b.bucket
        where b.entity = {literal(case.entity)} and b.column_name = {literal(column)} and b.snapshot_date = {literal(case.before)}
          and b.item = {literal(item)}{" and n.bucket is not null" if kind == "number" else ""}
    """)
    found = c.tried(sql)
    if not found or found[0]["apart"] is None:
        return None
    return float(found[0]["apart"]), found[0], sql
