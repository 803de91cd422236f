"""Read the health of the relations that segments select from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import numpy as np

from pulse_runner.metrics import ROWS
from pulse_runner.report.contents import ColumnFacts, EntityFacts, Values
from pulse_runner.report.small import share_words, told_shares
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

Days = Mapping[date, Mapping[str, Any]]


def read_entities(
    warehouse: Warehouse, project: Project, names: Collection[str], first: date, last: date, k: int
) -> tuple[EntityFacts, ...]:
    """Return the rows, freshness, duplicates and columns of entities over a period, by name."""
    found: defaultdict[str, defaultdict[str, dict[date, Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for row in warehouse.query(
        f"select * from {warehouse.table('pulse_entity_health')} where snapshot_date between ? and ?", [first, last]
    ):
        if row["entity"] in names:
            found[row["entity"]][row["column_name"]][row["snapshot_date"]] = row
    period = (first, (last - first).days + 1)
    out = []
    for entity, columns in sorted(found.items()):
        days = columns.pop(ROWS, {})
        if not days:
            continue
        newest = days[max(days)]
        declared = project.entities.get(entity)
        out.append(
            EntityFacts(
                entity=entity,
                label=(declared.label if declared else "") or entity.replace("_", " ").capitalize(),
                day=max(days),
                status=newest["status"],
                status_reason=newest["status_reason"] or "",
                rows=over(days, "rows", period),
                duplicates=over(days, "duplicate_keys", period),
                null_keys=int(newest["null_keys"] or 0),
                freshest=str(newest["freshest_at"] or ""),
                columns=tuple(sorted((_column(name, of, period, k) for name, of in columns.items()), key=_most_moved)),
            )
        )
    return tuple(out)


def over(days: Days, column: str, period: tuple[date, int]) -> Values:
    """Return a number on each day of a period (its first day, its length); None where there is no row."""
    first, length = period
    out: list[float | None] = [None] * length
    for day, row in days.items():
        value = row[column]
        out[(day - first).days] = None if value is None else round(float(value), 4)
    return tuple(out)


def null_shares(days: Days, period: tuple[date, int], k: int) -> Values:
    """Return the null share of a column on each day; None where it is not known or fewer than k rows make it."""
    nulls, rows = (np.array(over(days, c, period), float) for c in ("nulls", "rows"))
    return tuple(None if v != v else round(v, 4) for v in told_shares(nulls, rows, k).tolist())


def _column(name: str, days: Days, period: tuple[date, int], k: int) -> ColumnFacts:
    newest = days[max(days)]
    return ColumnFacts(
        name=name,
        data_type=newest["data_type"] or "",
        nulls=null_shares(days, period, k),
        null_share=share_words(newest["nulls"], newest["rows"], k),
        distinct=newest["distinct_count"],
    )


def _most_moved(column: ColumnFacts) -> tuple[float, str]:
    known = [v for v in column.nulls if v is not None]
    return (min(known) - max(known) if known else 0.0, column.name)
