"""Evidence from around the segment: the relation's columns, edits of the rule, other segments, known events, runs, lineage."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pulse_runner.explain.collect import Collector, listed, literal, sql_text
from pulse_runner.explain.model import ROWS, Case, count, percent, rule_columns
from pulse_runner.segments.model import Project

HEALTH_DAYS = 14
MOVED = 0.10  # a segment counts as moved from this relative change of its size on
MAX_OTHER_COLUMNS = 3
MAX_LINEAGE = 4


def gather(c: Collector, project: Project, manifest: Mapping[str, Any] | None) -> None:
    """Collect every fact about what the segment is built on."""
    _definition(c)
    jumped = _health(c)
    for column in jumped[:2] or [""]:
        _siblings(c, project, column)
    _shared(c)
    _known_events(c)
    _runs(c)
    for column in jumped[:2] or c.case.columns()[:1]:
        _lineage(c, manifest, column)


def _definition(c: Collector) -> None:
    case, name = c.case, c.table("pulse_segments")
    sql = sql_text(f"""
        select n.version, n.valid_from, n.rule_text, o.rule_text as before_rule_text
        from {name} as n
        join {name} as o on o.segment_id = n.segment_id and o.version = n.version - 1
        where n.segment_id = {literal(case.segment_id)} and n.definition_hash <> o.definition_hash
          and n.valid_from between {literal(case.first)} and {literal(case.last)}
        order by n.version
    """)
    for row in c.rows(sql, "edits of the definition"):
        text = (
            f"The definition was edited on {row['valid_from']} (version {row['version']}): `{row['rule_text']}`,"
            f" before that `{row['before_rule_text']}`."
        )
        c.add("definition", text, row, list(row), sql, source="pulse_segments", weight=0.9)


def _health(c: Collector) -> list[str]:
    """Compare each column of the relation with its two weeks before; return the columns of the metric that jumped."""
    case, name = c.case, c.table("pulse_entity_health")
    of_entity = f"entity = {literal(case.entity)}"
    span = f"snapshot_date between {literal(case.first - timedelta(days=HEALTH_DAYS))}"
    measures = ("rows", "null_share", "distinct_count", "mean_value", "duplicate_keys", "null_keys")
    before = ", ".join(f"avg(h.{m}) as {m}" for m in measures)
    sql = sql_text(f"""
        select k.column_name, {literal(case.last)} as snapshot_date, d.data_type, b.data_type as before_data_type,
          {", ".join(f"d.{m}, b.{m} as before_{m}" for m in measures)},
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
    own = case.columns()
    jumped, others = list[str](), 0
    rows = c.rows(sql, "health of the relation")
    known = any(r["status"] is not None for r in rows)
    for row in sorted(rows, key=lambda r: (r["column_name"] not in own, r["column_name"])):
        column, mine = row["column_name"], row["column_name"] in own
        facts = rows_facts(case, row) if column == ROWS else column_facts(case, row) if known else []
        if not facts and mine and known and row["before_days"]:
            _steady(c, row, sql)
        if facts and not mine and column != ROWS:
            others += 1
            if others > MAX_OTHER_COLUMNS:
                continue
        for kind, statement, columns in facts:
            weight = 0.92 if mine or column == ROWS else 0.3
            c.add(
                kind,
                statement,
                row,
                ["column_name", "snapshot_date", *columns],
                sql,
                source="pulse_entity_health",
                weight=weight,
            )
        if facts and mine:
            jumped.append(column)
    return jumped


def column_facts(case: Case, row: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Return what is unlike before in one column: kind, sentence, and the columns of the row that say it."""
    name, out = f"Column {row['column_name']} of {case.entity}", list[tuple[str, str, list[str]]]()
    if row["before_days"] and (row["data_type"] is None or (row["status"] == "broken" and _says_missing(row))):
        text = f"{name} is missing on {case.last}; it was there ({row['before_data_type']}) until {case.before or case.first}."
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
    # a clock has more values every day by construction: only texts, numbers and booleans can be recoded
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


def rows_facts(case: Case, row: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Return what is unlike before in the relation as a whole."""
    out = list[tuple[str, str, list[str]]]()
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
    if rows is not None and before and abs(rows / before - 1) >= MOVED:
        text = f"The relation of {case.entity} has {count(rows)} rows on {case.last}, {count(before)} before."
        out.append(("rows", text, ["rows", "before_rows"]))
    return out


def _steady(c: Collector, row: Mapping[str, Any], sql: str) -> None:
    """A column of the rule that is as before speaks against an upstream cause: it is worth telling too."""
    text = f"Column {row['column_name']} of {c.case.entity} is as before on {c.case.last}"
    columns = ["column_name", "snapshot_date", "data_type"]
    if row["null_share"] is not None and row["before_null_share"] is not None:
        text += f" ({percent(row['null_share'])} nulls, {percent(row['before_null_share'])} before)"
        columns += ["null_share", "before_null_share"]
    c.add("column_steady", text + ".", row, columns, sql, source="pulse_entity_health", weight=0.25)


def _siblings(c: Collector, project: Project, column: str) -> None:
    """Split the entity's other segments by whether they read the column ('': none is suspected): what moves with a column points at it."""
    case, name = c.case, c.table("pulse_segment_snapshots")
    if case.before is None:
        return
    entity = case.definition
    readers = [
        s.name
        for s in project.segments.values()
        if entity and column and s.entity == case.entity and s.name != case.segment_id
        and column in rule_columns(s, entity)
    ]  # fmt: skip
    reads = f"d.segment_id in ({listed(readers)})"
    moved = f"(d.status = 'broken' or abs(1.0 * (d.size - b.size) / nullif(b.size, 0)) >= {MOVED})"
    sql = sql_text(f"""
        select sum(case when {reads} then 1 else 0 end) as readers,
          sum(case when {reads} and {moved} then 1 else 0 end) as readers_moved,
          sum(case when {reads} then 0 else 1 end) as others,
          sum(case when not ({reads}) and {moved} then 1 else 0 end) as others_moved
        from {name} as d
        join {name} as b on b.segment_id = d.segment_id and b.snapshot_date = {literal(case.before)}
        where d.snapshot_date = {literal(case.last)} and d.entity = {literal(case.entity)}
          and d.segment_id <> {literal(case.segment_id)}
    """)
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
                f"{row['incidents']} other incident{_s(row['incidents'])} of {case.entity} detected on {case.last},"
                f" in {row['segments']} segment{_s(row['segments'])}."
            )
            c.add("shared", text, row, list(row), sql, source="pulse_incidents", weight=0.3)


def _known_events(c: Collector) -> None:
    case = c.case
    scopes = listed([case.segment_id, case.entity, case.owner])
    sql = sql_text(f"""
        select starts_on, ends_on, scope, scope_value, reason
        from {c.table("pulse_known_events")}
        where starts_on <= {literal(case.last)} and ends_on >= {literal(case.first)}
          and (scope = 'all' or scope_value in ({scopes}))
        order by starts_on, reason
    """)
    for row in c.rows(sql, "known events"):
        text = f"A known event covers {case.last}: {row['reason']} ({row['starts_on']} to {row['ends_on']})."
        c.add("known_event", text, row, list(row), sql, source="pulse_known_events", weight=0.6)


def _runs(c: Collector) -> None:
    case = c.case
    sql = sql_text(f"""
        select count(*) as failed_runs
        from {c.table("pulse_runs")}
        where stage = 'snapshot' and outcome = 'failed'
          and from_date <= {literal(case.last)} and to_date >= {literal(case.first)}
    """)
    for row in c.rows(sql, "runs of the runner"):
        if row["failed_runs"]:
            text = f"{row['failed_runs']} failed snapshot run{_s(row['failed_runs'])} of {case.last} recorded."
            c.add("run", text, row, list(row), sql, source="pulse_runs", weight=0.4)


def _lineage(c: Collector, manifest: Mapping[str, Any] | None, column: str) -> None:
    """Follow a column's name through the SQL of the models above the relation, nearest first."""
    node = relation_node(manifest, c.case)
    if manifest is None or node is None:
        return
    for depth, found in enumerate(upstream_mentions(manifest, node, column)):
        what = "seed" if found["resource_type"] == "seed" else found["resource_type"]
        where = found.get("original_file_path") or ""
        text = (
            f"Column {column} is read from {what} {found['name']} ({where})."
            if depth == 0
            else f"Above it, {what} {found['name']} ({where}) names {column}."
        )
        row = {"column_name": column, "node": found["name"], "path": where}
        c.add("lineage", text, row, list(row), "", source="target/manifest.json", weight=0.45 - 0.05 * depth)


def relation_node(manifest: Mapping[str, Any] | None, case: Case) -> Mapping[str, Any] | None:
    """Return the manifest's node of the entity's relation, None when it is not there."""
    if manifest is None or case.definition is None:
        return None
    relation = case.definition.relation
    pool = manifest.get("sources" if relation.function == "source" else "nodes", {})
    for node in pool.values():
        if node.get("name") != relation.arguments[-1] or node.get("resource_type") == "test":
            continue
        if relation.function == "source" and node.get("source_name") != relation.arguments[0]:
            continue
        found: Mapping[str, Any] = node
        return found
    return None


def upstream_mentions(manifest: Mapping[str, Any], node: Mapping[str, Any], column: str) -> list[Mapping[str, Any]]:
    """Return the relation's node and those ancestors whose SQL or documented columns name the column, nearest first."""
    every = {**manifest.get("sources", {}), **manifest.get("nodes", {})}
    word = re.compile(rf"\b{re.escape(column)}\b", re.IGNORECASE)
    out, level, seen = [node], [node], set[str]()
    while level and len(out) < MAX_LINEAGE:
        parents = [p for n in level for p in n.get("depends_on", {}).get("nodes", []) if p in every and p not in seen]
        seen.update(parents)
        level = [every[p] for p in dict.fromkeys(parents)]
        out += [n for n in level if word.search(str(n.get("raw_code") or "")) or column in n.get("columns", {})]
    return out[:MAX_LINEAGE]


def read_manifest(root: Path | None) -> Mapping[str, Any] | None:
    """Return dbt's manifest of the project, None when there is none that can be read."""
    if root is None:
        return None
    try:
        found = json.loads((root / "target" / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _says_missing(row: Mapping[str, Any]) -> bool:
    return "missing" in str(row["status_reason"] or "")


def _figure(value: float) -> str:
    return count(value) if abs(value) >= 1 else f"{value:.3g}"
