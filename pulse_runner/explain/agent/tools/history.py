"""history: one metric of a segment, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, ToolRefused, fact, metric_of
from pulse_runner.explain.evidence.collector import hidden
from pulse_runner.explain.explanation import Scalar
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.metrics import REACH
from pulse_runner.vocabulary import count, percent

MOST_DAYS = 90


class Given(Arguments):
    """A segment, one of its metrics, and how many days up to today."""

    segment: str
    metric: str
    days: int


@dataclass(frozen=True)
class History:
    """Tell a metric day by day; a rate that counts fewer than k people is left out."""

    name: str = "history"
    description: str = (
        "A metric of a segment day by day, the latest last: size, entered, exited, converted, conversion_rate, inactive, "
        "inactive_rate, or reach:<channel>. days: 1 to 90."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return one fact with a value per day."""
        metric = metric_of(desk, given.segment, given.metric)
        if not 1 <= given.days <= MOST_DAYS:
            raise ToolRefused(f"days must be 1 to {MOST_DAYS}")
        first = desk.today - timedelta(days=given.days - 1)
        sql = _sql(desk, given, metric, first)
        rows = desk.warehouse.query(sql)
        if not rows:
            return Result(note=f"{given.segment} has no snapshots from {first} to {desk.today}.")
        told = [(r["snapshot_date"], _value(r, metric.is_rate, desk.k)) for r in rows]
        column = metric.column
        values: dict[str, Any] = {"segment_id": given.segment, "metric": given.metric}
        values |= {f"{column}_{day}": value for day, value in told}
        said = ", ".join(f"{day} {_words(value, metric.is_rate)}" for day, value in told)
        return Result(
            (fact(self.name, f"{metric.label} of {given.segment} by day: {said}.", values, sql, metric.table),)
        )


def _sql(desk: Desk, given: Given, metric: Any, first: Any) -> str:
    numerator = metric.numerator or metric.column
    where = (
        f"segment_id = {literal(given.segment)} and snapshot_date between {literal(first)} and {literal(desk.today)}"
    )
    if given.metric.startswith(REACH):
        where += f" and channel = {literal(given.metric.removeprefix(REACH))}"
        status = ""
    else:
        status = ", status"
    return sql_text(f"""
        select snapshot_date, {metric.column} as value, {numerator} as counted{status}
        from {desk.table(metric.table)}
        where {where}
        order by snapshot_date
    """)


def _value(row: dict[str, Any], is_rate: bool, k: int) -> Scalar:
    if row["value"] is None:
        return str(row.get("status") or "none")
    if is_rate:
        return f"fewer than {k} people" if 0 < (row["counted"] or 0) < k else round(float(row["value"]), 4)
    return hidden(int(row["value"]), k)


def _words(value: Scalar, is_rate: bool) -> str:
    if isinstance(value, str):
        return value
    return percent(float(value or 0), 1) if is_rate else count(float(value or 0))
