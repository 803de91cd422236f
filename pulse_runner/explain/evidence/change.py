"""Evidence about a count: is the change new, is it the weekday?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.vocabulary import count, percent


@dataclass(frozen=True)
class Change:
    """Compare a count of members with the last good date and with the same weekday before."""

    kinds: tuple[str, ...] = ("change",)

    def gather(self, c: Collector) -> None:
        """Add the change of the case's count; of the size where its metric is no count."""
        case = c.case
        if case.before is None:
            return
        is_count = case.measure.link == "count" and case.measure.table == "pulse_segment_snapshots"
        metric = case.metric if is_count else "size"
        noun = "members" if metric == "size" else f"members {metric}"
        week = case.last - timedelta(days=7)
        sql = _sql(c, metric)
        for row in c.rows(sql, "the change of the count"):
            text = (
                f"{case.segment_id} has {count(row[metric])} {noun} on {case.last},"
                f" {count(row[f'before_{metric}'])} on {case.before}"
            )
            if row["change_rate"] is not None:
                text += f" ({_signed(row['change_rate'])})"
            if row[f"week_before_{metric}"] is not None:
                before = count(row[f"week_before_{metric}"])
                text += f" and {before} on {week}, the same weekday a week earlier"
            weight = 0.97 if metric == case.metric else 0.6
            c.add("change", text + ".", row, list(row), sql, source="pulse_segment_snapshots", weight=weight)


def _sql(c: Collector, metric: str) -> str:
    case, name = c.case, c.table("pulse_segment_snapshots")
    assert case.before is not None
    week = case.last - timedelta(days=7)
    return sql_text(f"""
        select d.snapshot_date, d.{metric}, b.snapshot_date as before_date, b.{metric} as before_{metric},
          d.{metric} - b.{metric} as change,
          1.0 * (d.{metric} - b.{metric}) / nullif(b.{metric}, 0) as change_rate, w.{metric} as week_before_{metric}
        from {name} as d
        join {name} as b on b.segment_id = d.segment_id and b.snapshot_date = {literal(case.before)}
        left join {name} as w on w.segment_id = d.segment_id and w.snapshot_date = {literal(week)}
        where d.segment_id = {literal(case.segment_id)} and d.snapshot_date = {literal(case.last)}
          and d.{metric} is not null and b.{metric} is not null
    """)


def _signed(rate: float) -> str:
    return ("+" if rate > 0 else "") + percent(rate)
