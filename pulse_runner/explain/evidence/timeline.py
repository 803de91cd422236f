"""Evidence about time: a model, snapshot or macro above a column whose code changed, a data test above it that failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from pulse_runner.errors import DeniedError, PulseError
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.evidence.lineage import columns_to_follow, trace_of
from pulse_runner.explain.explanation import Scalar
from pulse_runner.explain.lineage.trace import Lineage, Trace
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.explain.timeline.archive import TABLE
from pulse_runner.explain.timeline.diff import Difference, difference, text_difference
from pulse_runner.scrub import scrub
from pulse_runner.vocabulary import plural

DAYS_BEFORE = 3  # a change shows on the day of its first run, or some days later where a model is built seldom
MAX_FACTS = 4


@dataclass(frozen=True)
class Timeline:
    """Look what changed above the columns of the metric in the days of the change, nearest in time first."""

    kinds: tuple[str, ...] = ("model_changed", "test_failed")

    def gather(self, c: Collector) -> None:
        """Add each change of code above a column, with the expression before and after, and each failed test."""
        if c.lineage is None:
            return
        try:
            rows = c.asked(_sql(c))
        except DeniedError:
            raise
        except PulseError:  # a copy of the package of an earlier version has no such table
            return
        found = list[tuple[float, str, str, dict[str, Scalar]]]()
        for column in columns_to_follow(c) if rows else []:
            trace = trace_of(c, column)
            if trace is not None:
                found += _changes(c, c.lineage, column, trace, rows)
                found += _tests(c, c.lineage, column, trace, rows)
        found.sort(key=lambda f: (-f[0], f[2]))
        for weight, kind, text, row in found[:MAX_FACTS]:
            c.add(kind, text, row, list(row), "", source=TABLE, weight=weight)


def _sql(c: Collector) -> str:
    case, table = c.case, c.table(TABLE)
    span = f"between {literal(case.first - timedelta(days=DAYS_BEFORE))} and {literal(case.last)}"
    return sql_text(f"""
        select kind, node_id, node, resource_type, path, seen_on, seen_at, code, about, commit_id, authored_on, subject
        from {table}
        where node_id in (select node_id from {table} where seen_on {span})
        order by node_id, kind, seen_at, seen_on
    """)


def _changes(
    c: Collector, lineage: Lineage, column: str, trace: Trace, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[float, str, str, dict[str, Scalar]]]:
    out = []
    start = c.case.first - timedelta(days=DAYS_BEFORE)
    above = trace.nodes()
    for before, row in pairwise(rows):
        if row["kind"] != "code" or before["kind"] != "code" or before["node_id"] != row["node_id"]:
            continue
        if not start <= row["seen_on"] <= c.case.last:
            continue
        through = _reader(lineage, row["node_id"], [*above, *trace.possible])
        if not through:
            continue
        steps = above.get(through)
        columns = [s.column for s in trace.steps if s.node == through]
        what = _difference(lineage, row, str(before["code"] or ""), columns)
        weight = _weight(what, steps is not None, c.case.first, row["seen_on"])
        if weight:
            out.append((weight, "model_changed", *_told(row, column, steps, what)))
    return out


def _difference(lineage: Lineage, row: Mapping[str, Any], before: str, columns: Sequence[str]) -> Difference:
    after = str(row["code"] or "")
    if not before or not after:
        return Difference("text")
    if row["resource_type"] == "macro":
        return text_difference(before, after)
    return difference(lineage, row["node_id"], before, after, columns)


def _reader(lineage: Lineage, node_id: str, above: Sequence[str]) -> str:
    """Return the node above the column that a change is of: itself, or the nearest that uses the macro; '' for none."""
    if node_id in above:
        return node_id
    if not node_id.startswith("macro."):
        return ""
    uses = lineage.macros_of
    return next((n for n in above if node_id in uses(n)), "")


def _weight(what: Difference, is_sure: bool, first: date, seen: date) -> float:
    """Return how much a change tells: most where it made the very column another way, on the day."""
    if what.what == "nothing":
        return 0.0
    base = {"column": 0.91, "rows": 0.7, "text": 0.6, "other": 0.22}[what.what]
    near = 1.0 if seen >= first - timedelta(days=1) else 0.85
    return base * near * (1.0 if is_sure else 0.7)


def _told(row: Mapping[str, Any], column: str, steps: int | None, what: Difference) -> tuple[str, dict[str, Scalar]]:
    where = (
        f", {plural(steps, 'step')} above {column}" if steps else f", which {column} is read from" if steps == 0 else ""
    )
    text = f"The {row['resource_type']} {row['node']} ({row['path']}){where or f', which may feed {column}'},"
    text += f" changed before the run of {row['seen_on']}"
    if what.what == "column":
        text += f": {what.column} was `{what.before}` and is `{what.after}`"
    elif what.what == "rows":
        text += f" in which rows it has: `{what.before or 'nothing'}` became `{what.after or 'nothing'}`"
    elif what.what == "text" and (what.before or what.after):
        text += f": `{what.before}` became `{what.after}`"
    elif what.what == "other":
        text += f", not in what makes {column} nor in its rows"
    if row["commit_id"]:
        text += f". Commit {row['commit_id']} of {row['authored_on']}: “{_quoted(row['subject'])}”"
    values: dict[str, Scalar] = {
        "column_name": column, "node": row["node"], "path": row["path"], "steps": steps, "seen_on": str(row["seen_on"]),
        "changed": what.what, "before_expression": what.before, "expression": what.after, "commit_id": row["commit_id"],
        "authored_on": str(row["authored_on"] or ""), "subject": _quoted(row["subject"]),
    }  # fmt: skip
    return text + ".", values


def _quoted(subject: object) -> str:
    """Return the subject of a commit as a quotation: others wrote it, and it ends no sentence of ours."""
    return scrub(str(subject or ""), 120).replace("“", "'").replace("”", "'").replace("`", "'")


def _tests(
    c: Collector, lineage: Lineage, column: str, trace: Trace, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[float, str, str, dict[str, Scalar]]]:
    out, above = [], trace.nodes()
    for row in rows:
        if row["kind"] != "test" or row["node_id"] not in above or not c.case.first <= row["seen_on"] <= c.case.last:
            continue
        about = json.loads(row["about"] or "{}")
        columns = [s.column.lower() for s in trace.steps if s.node == row["node_id"]]
        own = str(about.get("column") or "").lower() in columns
        tested, steps = lineage.node(row["node_id"]), above[row["node_id"]]
        where = f"{plural(steps, 'step')} above {column}" if steps else f"which {column} is read from"
        text = f"The data test {row['node']} of {tested['name']}, {where}, failed in the run of {row['seen_on']}"
        values: dict[str, Scalar] = {
            "column_name": column, "node": str(tested["name"]), "path": row["path"], "test": row["node"], "steps": steps,
            "tested_column": str(about.get("column") or ""), "seen_on": str(row["seen_on"]),
        }  # fmt: skip
        out.append((0.8 if own else 0.5, "test_failed", text + ".", values))
    return out
