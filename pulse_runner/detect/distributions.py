"""Read distributions as what their tests need: per date, aggregates that the warehouse has made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from pulse_runner.detect.distribution_sql import baseline_days, baseline_sql, panels
from pulse_runner.detectors.panel import DistributionPanel
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

ROWS_AHEAD = 100_000  # rows of buckets that are read at once
# Postgres joins the steps of many dates without statistics: there, one statement takes longer than one for each date
DAYS_AHEAD = {"duckdb": 28}
Exclusion = tuple[str, str, date, date]
NOTHING = (
    "select cast('' as varchar) as segment_id, cast('' as varchar) as attribute,"
    " date '1900-01-01' as from_date, date '1900-01-01' as to_date where 1 = 0"
)


def watched_attributes(project: Project, segment_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return per attribute the segments, of those given, whose entity declares it."""
    out: dict[str, list[str]] = {}
    for segment_id in segment_ids:
        for attribute in project.entities[project.segments[segment_id].entity].attributes:
            out.setdefault(attribute.name, []).append(segment_id)
    return out


class Distributions:
    """The distributions of dates in order, up to `last`; only aggregates leave the warehouse.

    `watched` gives the segments per attribute. Dates to come are read ahead, a few in one statement: asking costs more than
    counting where segments are few. What was read of a date is dropped where its baseline is to leave out other days by then.
    """

    def __init__(self, warehouse: Warehouse, watched: Mapping[str, Sequence[str]], last: date) -> None:
        self._warehouse, self._watched, self._last = warehouse, watched, last
        self._read: dict[date, pd.DataFrame] = {}
        self._left_out: Sequence[Exclusion] = ()
        self._rows = ROWS_AHEAD  # of a date: as many as allow one only, until one was read

    def panels(self, day: date, exclusions: Sequence[Exclusion]) -> dict[str, DistributionPanel]:
        """Return the panel of every attribute on a date; `exclusions` are what its baselines leave out."""
        if day not in self._read or _seen_by(day, exclusions) != _seen_by(day, self._left_out):
            ahead = min(max(1, ROWS_AHEAD // max(1, self._rows)), DAYS_AHEAD.get(self._warehouse.dialect, 1))
            self._ask(day, min(self._last, day + timedelta(days=ahead - 1)), exclusions)
        frame = self._read.pop(day)
        self._rows = len(frame)
        return panels(frame, day, self._watched)

    def _ask(self, first: date, last: date, exclusions: Sequence[Exclusion]) -> None:
        oldest, newest = baseline_days(first)[0], baseline_days(last)[1]
        self._left_out = [e for e in exclusions if e[2] <= newest and e[3] >= oldest]
        excluded, values = exclusion_select(self._left_out)
        table = self._warehouse.table("pulse_segment_distributions")
        frame = self._warehouse.frame(baseline_sql(first, last, table, excluded), values)
        found = {day.date(): rows for day, rows in frame.groupby("tested_date")}
        every = (first + timedelta(days=n) for n in range((last - first).days + 1))
        self._read = {day: found.get(day, frame.iloc[:0]) for day in every}


def _seen_by(day: date, exclusions: Iterable[Exclusion]) -> set[Exclusion]:
    """Return what exclusions leave out of the baseline of one date."""
    first, last = baseline_days(day)
    return {
        (s, a, max(starts, first), min(ends, last))
        for s, a, starts, ends in exclusions
        if starts <= last and ends >= first
    }


def exclusion_select(exclusions: Sequence[Exclusion]) -> tuple[str, list[object]]:
    """Return a SELECT of the exclusions and the values of its placeholders: names never become SQL."""
    if not exclusions:
        return NOTHING, []
    row = "(cast(? as varchar), cast(? as varchar), cast(? as date), cast(? as date))"
    rows = ", ".join(row for _ in exclusions)
    return f"select * from (values {rows}) as v (segment_id, attribute, from_date, to_date)", [
        value for exclusion in exclusions for value in exclusion
    ]
