"""The warehouse's own history in the form that a replay takes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import numpy as np

from pulse_runner.arrays import day_axis
from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.sight import MOST_SEGMENTS, Sight, sights
from pulse_runner.detect.panels import constrained_attributes, first_day, health_panel, metric_panels, only_measured
from pulse_runner.detect.stage import detector_settings
from pulse_runner.detectors.engine.distribution_baseline import TESTED, WINDOW, DistributionHistory
from pulse_runner.detectors.panel import Panels
from pulse_runner.known_events.read import read_events
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

SIGHT_DAYS = 365  # of history behind what a segment can see


def warehouse_history(warehouse: Warehouse, project: Project, first: date, last: date) -> Recording:
    """Return the stored snapshots up to `last`, from early enough before `first` for baselines; known events are left out.

    Incidents that are stored play no part: a replay finds its own.
    """
    segments = tuple(sorted(s.name for s in project.segments.values() if s.enabled))
    start = first_day(first)
    events = read_events(warehouse)
    history = Recording(
        metrics=only_measured(
            metric_panels(warehouse, segments, start, last, ladders=project.has_destinations), project
        ),
        health=health_panel(warehouse, start, last),
        distributions=distribution_histories(warehouse, segments, first, last),
        owners={s.name: s.owner for s in project.segments.values()},
        entities={s.name: s.entity for s in project.segments.values()},
        constrained=constrained_attributes(project),
    )
    return history.without(events)


def segment_sights(
    warehouse: Warehouse, project: Project, last: date, only: Collection[str] | None = None
) -> list[Sight]:
    """Return what the segments can see, from the stored snapshots up to `last`; of at most MOST_SEGMENTS where none are named."""
    segments = tuple(sorted(s.name for s in project.segments.values() if s.enabled))
    start = last - timedelta(days=SIGHT_DAYS)
    history = Recording(
        metrics=only_measured(
            metric_panels(warehouse, segments, start, last, ladders=project.has_destinations), project
        ),
        owners={s.name: s.owner for s in project.segments.values()},
        entities={s.name: s.entity for s in project.segments.values()},
    ).without(read_events(warehouse))
    panels = Panels(history.metrics, entities=history.entities, owners=history.owners)
    return sights(panels, detector_settings(project), only if only is not None else segments[:MOST_SEGMENTS])


def distribution_histories(
    warehouse: Warehouse, segment_ids: tuple[str, ...], first: date, last: date
) -> list[DistributionHistory]:
    """Return the days of bucket counts that the tests of `first` to `last` look back on, one history per attribute.

    Only a replay reads them: its baselines depend on the incidents that it finds itself.
    """
    start = first - timedelta(days=WINDOW + TESTED)
    days, rows = day_axis(start, last), {s: i for i, s in enumerate(segment_ids)}
    frame = warehouse.frame(
        "select segment_id, snapshot_date, attribute, bucket, members"
        f" from {warehouse.table('pulse_segment_distributions')} where snapshot_date between ? and ?",
        [start, last],
    )
    frame = frame[frame["segment_id"].isin(rows)]
    out = []
    for attribute, part in frame.groupby("attribute", sort=True):
        buckets = tuple(sorted(part["bucket"].unique()))
        column = {b: i for i, b in enumerate(buckets)}
        members = np.zeros((len(rows), len(days), len(buckets)))
        at = (part["snapshot_date"].to_numpy().astype("datetime64[D]") - days[0]).astype(int)
        s = part["segment_id"].map(rows).to_numpy()
        members[s, at, part["bucket"].map(column).to_numpy()] = part["members"].to_numpy(float)
        usable = np.zeros((len(rows), len(days)), bool)
        usable[s, at] = True
        out.append(DistributionHistory(str(attribute), segment_ids, buckets, days, members, usable))
    return out
