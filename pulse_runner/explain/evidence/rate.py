"""Evidence about a rate: on the day, against the four weeks before the change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.vocabulary import count, percent


@dataclass(frozen=True)
class Rate:
    """Compare a rate of members with the pooled rate of the weeks before."""

    kinds: tuple[str, ...] = ("rate",)

    def gather(self, c: Collector) -> None:
        """Add the rate of the last date and of the days before, with what they are made of."""
        case, measure = c.case, c.case.measure
        if not (measure.is_rate and measure.numerator and measure.table == "pulse_segment_snapshots"):
            return
        numerator, denominator, name = measure.numerator, measure.denominator, measure.label
        sql = _sql(c, numerator, denominator)
        for row in c.rows(sql, f"{name} before and after"):
            if row[case.metric] is None or row["before_rate"] is None:
                continue
            text = (
                f"{name} of {case.segment_id} is {percent(row[case.metric])} on {case.last} ({count(row[numerator])} of"
                f" {count(row[denominator])}); it was {percent(row['before_rate'])} over the {row['before_days']} days"
                f" before {case.first} ({count(row[f'before_{numerator}'])} of {count(row[f'before_{denominator}'])})."
            )
            c.add("rate", text, row, list(row), sql, source="pulse_segment_snapshots", weight=0.97)


def _sql(c: Collector, numerator: str, denominator: str) -> str:
    case, name = c.case, c.table("pulse_segment_snapshots")
    return sql_text(f"""
        select d.snapshot_date, d.{numerator}, d.{denominator}, d.{case.metric},
          b.{numerator} as before_{numerator}, b.{denominator} as before_{denominator},
          1.0 * b.{numerator} / nullif(b.{denominator}, 0) as before_rate, b.days as before_days
        from {name} as d
        cross join (
          select sum({numerator}) as {numerator}, sum({denominator}) as {denominator}, count(*) as days
          from {name}
          where segment_id = {literal(case.segment_id)} and status = 'ok' and {numerator} is not null
            and snapshot_date between {literal(case.usual_from)} and {literal(case.first - timedelta(days=1))}
        ) as b
        where d.segment_id = {literal(case.segment_id)} and d.snapshot_date = {literal(case.last)}
    """)
