"""Read distributions as what their tests need: per date, aggregates that the warehouse has made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from pulse_runner.detect.distribution_sql import baseline_days, baseline_sql, panels
from pulse_runner.detectors.panel import DistributionPanel
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

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


def distribution_panels(
    warehouse: Warehouse, day: date, watched: Mapping[str, Sequence[str]], exclusions: Iterable[Exclusion]
) -> dict[str, DistributionPanel]:
    """Return the panel of every attribute on one date; only aggregates leave the warehouse.

    `watched` gives the segments per attribute, `exclusions` the (segment_id, attribute, from_date, to_date) that baselines
    leave out.
    """
    first, last = baseline_days(day)
    excluded, values = exclusion_select([e for e in exclusions if e[2] <= last and e[3] >= first])
    frame = warehouse.frame(baseline_sql(day, warehouse.table("pulse_segment_distributions"), excluded), values)
    return panels(frame, day, watched)


def exclusion_select(exclusions: Sequence[Exclusion]) -> tuple[str, list[object]]:
    """Return a SELECT of the exclusions and the values of its placeholders: names never become SQL."""
    if not exclusions:
        return NOTHING, []
    row = "(cast(? as varchar), cast(? as varchar), cast(? as date), cast(? as date))"
    rows = ", ".join(row for _ in exclusions)
    return f"select * from (values {rows}) as v (segment_id, attribute, from_date, to_date)", [
        value for exclusion in exclusions for value in exclusion
    ]
