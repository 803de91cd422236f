"""Evidence about the relation: what is unlike the two weeks before, by column and as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

from pulse_runner.explain.case import Case
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.evidence.profiles import Profiles
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.metrics import ROWS
from pulse_runner.vocabulary import count, percent

HEALTH_DAYS = 14
MIN_ROWS_CHANGE = 0.10
MAX_OTHER_COLUMNS = 3
COLUMN_KINDS = ("column_missing", "column_retyped", "nulls", "mean", "distinct")
RELATION_KINDS = ("stale", "duplicate_keys", "null_keys", "rows")
MEASURES = ("rows", "null_share", "distinct_count", "mean_value", "duplicate_keys", "null_keys")
PROFILE_KINDS = Profiles().kinds
MIN_FEW_ROWS = 0.02  # a loss of rows that is smaller is nobody's
NOISES = 6  # of the day-to-day changes of the row count
Fact = tuple[str, str, list[str]]  # kind, sentence, and the columns of the row that say it


@dataclass(frozen=True)
class Health:
    """Compare each column of the entity's relation, and the relation itself, with before."""

    kinds: tuple[str, ...] = (*COLUMN_KINDS, "column_steady", *RELATION_KINDS)

    def gather(self, c: Collector) -> None:
        """Add what is unlike before, the metric's columns first, and which of these are as before."""
        own, others = c.case.columns, 0
        sql = _sql(c)
        rows = c.rows(sql, "health of the relation")
        # a stale or unreadable relation has a row of its own and none of its columns: that says nothing about them
        known = any(r["status"] is not None for r in rows if r["column_name"] != ROWS)
        unlike = {e.values["column_name"] for e in c.found if e.kind in PROFILE_KINDS}
        for row in sorted(rows, key=lambda r: (r["column_name"] not in own, r["column_name"])):
            column, mine = row["column_name"], row["column_name"] in own
            facts = _relation_facts(c.case, row) if column == ROWS else _column_facts(c.case, row) if known else []
            if column == ROWS and not any(kind == "rows" for kind, _, _ in facts):
                _few_rows(c)
            if not facts and mine and known and row["before_days"] and column not in unlike:
                _steady(c, row, sql)
            if facts and not mine and column != ROWS:
                others += 1
                if others > MAX_OTHER_COLUMNS:
                    continue
            weight = 0.92 if mine or column == ROWS else 0.3
            for kind, text, columns in facts:
                told = ["column_name", "snapshot_date", *columns]
                c.add(kind, text, row, told, sql, source="pulse_entity_health", weight=weight)


def suspected_columns(c: Collector) -> list[str]:
    """Return the columns of the metric in which a fault was found, from a to z."""
    kinds = (*COLUMN_KINDS, *RELATION_KINDS, *PROFILE_KINDS)
    faults = [str(e.values["column_name"]) for e in c.found if e.kind in kinds]
    return [column for column in dict.fromkeys(faults) if column in c.case.columns]


def _sql(c: Collector) -> str:
    case, name = c.case, c.table("pulse_entity_health")
    of_entity = f"entity = {literal(case.entity)}"
    span = f"snapshot_date between {literal(case.first - timedelta(days=HEALTH_DAYS))}"
    before = ", ".join(f"avg(h.{m}) as {m}" for m in MEASURES)
    return sql_text(f"""
        select k.column_name, {literal(case.last)} as snapshot_date, d.data_type, b.data_type as before_data_type,
          {", ".join(f"d.{m}, b.{m} as before_{m}" for m in MEASURES)},
          d.freshest_at, d.status, d.status_reason, b.days as before_days
        from (select distinct h.column_name from {name} as h where {of_entity} and {span} and {literal(case.last)}) as k
        left join (select * from {name} as h where {of_entity} and h.snapshot_date = {literal(case.last)}) as d
          on d.column_name = k.column_name
        left join (
          select h.column_name, max(h.data_type) as data_type, {before}, count(*) as days
          from {name} as h
          where {of_entity} and h.status = 'ok' and {span} and {literal(case.first - timedelta(days=1))}
          group by h.column_name
        ) as b on b.column_name = k.column_name
        order by k.column_name
    """)


def _column_facts(case: Case, row: Mapping[str, Any]) -> list[Fact]:
    """Return what is unlike before in one column."""
    name, out = f"Column {row['column_name']} of {case.entity}", list[Fact]()
    unread = row["data_type"] is None and row["column_name"] in case.columns
    if row["before_days"] and (unread or (row["status"] == "broken" and _says_missing(row))):
        text = (
            f"{name} is missing on {case.last};"
            f" it was there ({row['before_data_type']}) until {case.before or case.first}."
        )
        return [("column_missing", text, ["data_type", "before_data_type", "status_reason"])]
    if row["before_data_type"] and row["data_type"] != row["before_data_type"]:
        text = f"{name} is {row['data_type']} on {case.last}, it was {row['before_data_type']} before."
        out.append(("column_retyped", text, ["data_type", "before_data_type"]))
    share, before = row["null_share"], row["before_null_share"]
    if share is not None and before is not None and abs(share - before) >= max(0.02, 0.5 * before):
        text = (
            f"{name} has {percent(share)} nulls on {case.last}, {percent(before)} on average over the"
            f" {row['before_days']} days before {case.first}."
        )
        out.append(("nulls", text, ["null_share", "before_null_share", "before_days"]))
    mean, before = row["mean_value"], row["before_mean_value"]
    if mean is not None and before and abs(mean / before - 1) >= 0.25:
        text = f"The mean of column {row['column_name']} is {_figure(mean)} on {case.last}, {_figure(before)} before."
        out.append(("mean", text, ["mean_value", "before_mean_value"]))
    distinct, before = row["distinct_count"], row["before_distinct_count"]
    # a clock has more values every day: only texts, numbers and booleans can be recoded
    clock = row["data_type"] in ("date", "timestamp")
    if (
        distinct is not None
        and before
        and not clock
        and abs(distinct - before) >= 1
        and abs(distinct / before - 1) >= 0.2
    ):
        text = f"{name} has {count(distinct)} distinct values on {case.last}, {count(before)} before."
        out.append(("distinct", text, ["distinct_count", "before_distinct_count"]))
    return out


def _relation_facts(case: Case, row: Mapping[str, Any]) -> list[Fact]:
    """Return what is unlike before in the relation as a whole."""
    out = list[Fact]()
    if row["status"] == "stale":
        reason = f": {row['status_reason']}" if row["status_reason"] else ""
        text = f"The relation of {case.entity} was not refreshed on {case.last}{reason}."
        out.append(("stale", text, ["status", "status_reason", "freshest_at"]))
    for measure, noun in (("duplicate_keys", "duplicate keys"), ("null_keys", "rows without a key")):
        value, before = row[measure], row[f"before_{measure}"] or 0
        if value is not None and row["rows"] and value - before >= max(1, 0.005 * row["rows"]) and value >= 2 * before:
            text = f"The relation of {case.entity} has {count(value)} {noun} on {case.last}, {count(before)} before."
            out.append((measure, text, [measure, f"before_{measure}", "rows"]))
    rows, before = row["rows"], row["before_rows"]
    if rows is not None and before and abs(rows / before - 1) >= MIN_ROWS_CHANGE:
        text = f"The relation of {case.entity} has {count(rows)} rows on {case.last}, {count(before)} before."
        out.append(("rows", text, ["rows", "before_rows"]))
    return out


def _few_rows(c: Collector) -> None:
    """Add that the relation lost or won rows since the day before, beyond what it does from day to day: less than a tenth of them."""
    case = c.case
    if case.before is None:
        return
    name, of_entity = (
        c.table("pulse_entity_health"),
        f"entity = {literal(case.entity)} and column_name = {literal(ROWS)}",
    )
    span = f"snapshot_date between {literal(case.first - timedelta(days=HEALTH_DAYS))} and {literal(case.last)}"
    days = c.rows(
        f"select snapshot_date, rows from {name} where {of_entity} and status = 'ok' and {span} order by snapshot_date",
        "rows by day",
    )
    counts = {r["snapshot_date"]: float(r["rows"]) for r in days if r["rows"]}
    earlier = [counts[d] for d in sorted(counts) if d < case.first]
    if len(earlier) < 4:
        return
    steps = [b / a - 1 for a, b in pairwise(earlier)]
    usual, least = fmean(steps), max(MIN_FEW_ROWS, NOISES * pstdev(steps))
    # day by day: over weeks, rows that come as usual are many
    window = pairwise(d for d in sorted(counts) if d >= case.before)
    before, day = max(window, key=lambda p: abs(counts[p[1]] / counts[p[0]] - 1 - usual), default=(None, None))
    if before is None or day is None or abs(counts[day] / counts[before] - 1 - usual) < least:
        return
    sql = sql_text(f"""
        select {literal(ROWS)} as column_name, d.snapshot_date, d.rows, b.rows as before_rows
        from {name} as d
        join {name} as b on b.entity = d.entity and b.column_name = d.column_name and b.snapshot_date = {literal(before)}
        where d.entity = {literal(case.entity)} and d.column_name = {literal(ROWS)} and d.snapshot_date = {literal(day)}
    """)
    text = f"The relation of {case.entity} has {count(counts[day])} rows on {day}, {count(counts[before])} on {before}."
    row = {"column_name": ROWS, "snapshot_date": day, "rows": int(counts[day]), "before_rows": int(counts[before])}
    c.add("rows", text, row, list(row), sql, source="pulse_entity_health", weight=0.9)


def _steady(c: Collector, row: Mapping[str, Any], sql: str) -> None:
    """Say that a column of the rule is as before: it speaks against a cause upstream."""
    text = f"Column {row['column_name']} of {c.case.entity} is as before on {c.case.last}"
    columns = ["column_name", "snapshot_date", "data_type"]
    if row["null_share"] is not None and row["before_null_share"] is not None:
        text += f" ({percent(row['null_share'])} nulls, {percent(row['before_null_share'])} before)"
        columns += ["null_share", "before_null_share"]
    c.add("column_steady", text + ".", row, columns, sql, source="pulse_entity_health", weight=0.25)


def _says_missing(row: Mapping[str, Any]) -> bool:
    return "missing" in str(row["status_reason"] or "")


def _figure(value: float) -> str:
    return count(value) if abs(value) >= 1 else f"{value:.3g}"
