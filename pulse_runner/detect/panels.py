"""Read history as the panels that detectors take: (segments, days) arrays, with NaN where there is no snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from pulse_runner import metrics
from pulse_runner.arrays import Bools, Days, Floats, day_axis
from pulse_runner.detectors.panel import EntityPanel, MetricPanel, Panels
from pulse_runner.known_events.event import KnownEvent, entities_excluded_by_events
from pulse_runner.metrics import LADDER, LADDER_STEPS, PANELS, REACH, ladder, reach
from pulse_runner.segments.columns import rule_columns, source_column
from pulse_runner.segments.model import Entity, Project
from pulse_runner.warehouse.base import Warehouse

HISTORY_DAYS = 400


def pivot(frame: pd.DataFrame, rows: Mapping[Any, int], keys: Iterable[Any], days: Days, column: str) -> Floats:
    """Return a column of a long frame as (rows, days), NaN where the frame has no row."""
    out = np.full((len(rows), len(days)), np.nan)
    at = frame["snapshot_date"].to_numpy().astype("datetime64[D]")
    out[[rows[k] for k in keys], (at - days[0]).astype(int)] = pd.to_numeric(frame[column]).to_numpy(float)
    return out


def metric_panels(
    warehouse: Warehouse,
    segment_ids: tuple[str, ...],
    first: date,
    last: date,
    excluded: Bools | None = None,
    *,
    ladders: bool = False,
) -> dict[str, MetricPanel]:
    """Return every watched metric of the segments from `first` to `last`, reach per channel included.

    With `ladders`, what destinations did is read too: of a project that declares none there is nothing to read.
    """
    days, rows = day_axis(first, last), {s: i for i, s in enumerate(segment_ids)}
    columns = sorted({c for m in PANELS for c in (m.numerator, m.denominator) if c})
    frame = warehouse.frame(
        f"select segment_id, snapshot_date, {', '.join(columns)}, status, status_reason"
        f" from {warehouse.table('pulse_segment_snapshots')} where snapshot_date between ? and ?",
        [first, last],
    )
    frame = frame[frame["segment_id"].isin(rows)]
    keys = frame["segment_id"].tolist()
    values = {c: pivot(frame, rows, keys, days, c) for c in columns}
    status = _texts(frame, rows, keys, days, "status")
    reason = _texts(frame, rows, keys, days, "status_reason")

    def panel(metric: str, numerator: Floats, denominator: Floats | None) -> MetricPanel:
        return MetricPanel(metric, segment_ids, days, numerator, denominator, excluded, status, reason)

    panels = {
        m.name: panel(m.name, values[m.numerator], values[m.denominator] if m.denominator else None) for m in PANELS
    }
    reached = warehouse.frame(
        f"select segment_id, snapshot_date, channel, reachable from {warehouse.table('pulse_segment_reach')}"
        " where snapshot_date between ? and ?",
        [first, last],
    )
    reached = reached[reached["segment_id"].isin(rows)]
    for channel, part in reached.groupby("channel"):
        name = reach(str(channel)).name
        panels[name] = panel(name, pivot(part, rows, part["segment_id"].tolist(), days, "reachable"), values["size"])
    for name, part in _climbed(warehouse, first, last, rows) if ladders else ():
        keys = part["segment_id"].tolist()
        panels[name] = panel(name, *(pivot(part, rows, keys, days, c) for c in ("through", "entering")))
    return panels


def _climbed(
    warehouse: Warehouse, first: date, last: date, rows: Mapping[str, int]
) -> Iterable[tuple[str, pd.DataFrame]]:
    """Return who got through each step that a destination takes part in, of those who got through the step before it, by metric."""
    steps = ", ".join(f"'{step}'" for step in LADDER_STEPS)
    frame = warehouse.frame(
        "select segment_id, snapshot_date, channel, step, sum(members) as entering,"
        f" sum(case when reason = '' then members else 0 end) as through from {warehouse.table('pulse_reach_ladder')}"
        f" where snapshot_date between ? and ? and step in ({steps}) group by 1, 2, 3, 4",
        [first, last],
    )
    frame = frame[frame["segment_id"].isin(rows)]
    for (channel, step), part in frame.groupby(["channel", "step"]):
        yield ladder(str(channel), str(step)).name, part


def only_measured(panels: Mapping[str, MetricPanel], project: Project) -> dict[str, MetricPanel]:
    """Return the panels without the segments whose entity does not define what a metric counts: of these it is null, not zero."""
    out = {}
    for name, panel in panels.items():
        needs = metrics.find(name).needs
        entities = [project.entities[project.segments[s].entity] for s in panel.segment_ids]
        out[name] = panel if not needs else panel.rows([n for n, e in enumerate(entities) if _defines(e, needs)])
    return {name: panel for name, panel in out.items() if panel.segment_ids or not metrics.find(name).needs}


def _defines(entity: Entity, what: str) -> bool:
    return bool(entity.conversion_event_at if what == "conversion" else entity.last_seen_at)


def health_panel(warehouse: Warehouse, first: date, last: date) -> EntityPanel | None:
    """Return the health of every entity and column, None when nothing was recorded."""
    days = day_axis(first, last)
    frame = warehouse.frame(
        "select entity, column_name, snapshot_date, rows, nulls, duplicate_keys, data_type, status, status_reason"
        f" from {warehouse.table('pulse_entity_health')} where snapshot_date between ? and ?",
        [first, last],
    )
    if frame.empty:
        return None
    pairs = list(zip(frame["entity"], frame["column_name"], strict=True))
    keys = tuple(sorted(set(pairs)))
    rows = {k: i for i, k in enumerate(keys)}
    return EntityPanel(
        keys=keys,
        dates=days,
        rows=pivot(frame, rows, pairs, days, "rows"),
        nulls=pivot(frame, rows, pairs, days, "nulls"),
        duplicate_keys=pivot(frame, rows, pairs, days, "duplicate_keys"),
        data_type=_texts(frame, rows, pairs, days, "data_type"),
        status=_texts(frame, rows, pairs, days, "status"),
        status_reason=_texts(frame, rows, pairs, days, "status_reason"),
    )


def mute_health(panel: EntityPanel | None, events: list[KnownEvent]) -> EntityPanel | None:
    """Return the panel with the days of events about everything, or about an entity, left out."""
    if panel is None or not events:
        return panel
    return replace(
        panel, excluded=entities_excluded_by_events(events, [entity for entity, _ in panel.keys], panel.dates)
    )


def constrained_attributes(project: Project) -> frozenset[tuple[str, str]]:
    """Return the (segment, attribute) pairs that the segment's own rule or a clock moves by construction.

    An attribute is constrained when the rule reads its column, directly or through a segment that the rule refers to, or when its
    field is a clock (`days_since`) or a date.
    """
    found = set()
    rules = {s.name: s.rule for s in project.segments.values()}
    for segment in project.segments.values():
        entity = project.entities[segment.entity]
        read = rule_columns(segment.rule, entity, rules)
        for attribute in entity.attributes:
            if source_column(entity, attribute.field) in read or _is_clock(entity, attribute.field):
                found.add((segment.name, attribute.name))
    return frozenset(found)


def _is_clock(entity: Entity, name: str) -> bool:
    field = entity.fields[name]
    return field.days_since is not None or field.type in ("date", "timestamp")


def _texts(frame: pd.DataFrame, rows: Mapping[Any, int], keys: Iterable[Any], days: Days, column: str) -> Any:
    out = np.full((len(rows), len(days)), "", dtype=object)
    at = frame["snapshot_date"].to_numpy().astype("datetime64[D]")
    out[[rows[k] for k in keys], (at - days[0]).astype(int)] = frame[column].fillna("").to_numpy(object)
    return out


def first_day(day: date) -> date:
    """Return the first day of the history that detectors read for `day`: HISTORY_DAYS before its half-year.

    It is the same for all days of a half-year, so a range of dates reads what each of its dates alone would read.
    """
    return date(day.year, 1 if day.month < 7 else 7, 1) - timedelta(days=HISTORY_DAYS)


def known_by(panels: Panels, day: np.datetime64) -> Panels:
    """Return the panels without the channels and columns that had no row yet on a date: a run of that date did not know them."""
    metrics_then = {
        name: panel
        for name, panel in panels.metrics.items()
        if not name.startswith((REACH, LADDER)) or np.isfinite(panel.numerator[:, panel.dates <= day]).any()
    }
    health = panels.health
    if health is not None:
        begun = np.flatnonzero((health.status[:, health.dates <= day] != "").any(1))
        health = health.only([int(n) for n in begun]) if len(begun) else None
    return replace(panels, metrics=metrics_then, health=health)
