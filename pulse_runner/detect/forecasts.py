"""Where sizes are heading, from the stored snapshots: for people, not for incidents."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import numpy as np

from pulse_runner.arrays import day_axis
from pulse_runner.detect.panels import metric_panels
from pulse_runner.detectors import Limits, Settings, SizeJump
from pulse_runner.detectors.engine.forecast import Forecast, forecast
from pulse_runner.known_events.read import excluded_days, read_events
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

HISTORY_DAYS = 90
NEEDED_DAYS = 21
WARN_DAYS = 14
COLUMNS = ("segment_id", "date", "expected", "lower", "upper", "crosses_on", "reason")


def size_forecasts(
    warehouse: Warehouse, project: Project, last: date, segments: Collection[str] | None = None, days: int = 7
) -> list[Forecast]:
    """Return the forecast of each segment's size for the `days` days after `last`; segments with too few days have none.

    The threshold that a trend may cross is that of size_jump for the segment. Days of known events are left out.
    """
    names = tuple(
        sorted(s.name for s in project.segments.values() if s.enabled and (segments is None or s.name in segments))
    )
    first = last - timedelta(days=HISTORY_DAYS - 1)
    muted = excluded_days(read_events(warehouse), project, names, day_axis(first, last))
    panel = metric_panels(warehouse, names, first, last, muted)["size"]
    threshold = _thresholds(project, names)
    found = {
        f.segment_id: f
        for t in sorted(set(threshold.values()))
        for f in forecast(panel, days, t)
        if threshold[f.segment_id] == t
    }
    return [found[n] for n in names if n in found]


def missing_days(warehouse: Warehouse, segment: str, last: date) -> int:
    """Return how many more days of snapshots a segment needs before it can be forecast; 0 when it has enough."""
    rows = warehouse.query(
        f"select count(*) as days from {warehouse.table('pulse_segment_snapshots')}"
        " where segment_id = ? and status = 'ok' and snapshot_date between ? and ?",
        [segment, last - timedelta(days=HISTORY_DAYS - 1), last],
    )
    return max(NEEDED_DAYS - int(rows[0]["days"]), 0)


def forecast_rows(forecasts: Collection[Forecast]) -> list[dict[str, object]]:
    """Return one row per segment and day ahead."""
    return [
        {
            "segment_id": f.segment_id, "date": day, "expected": round(float(f.expected[n])), "lower": round(float(f.lower[n])),
            "upper": round(float(f.upper[n])), "crosses_on": f.crosses_on, "reason": f.reason,
        }
        for f in forecasts for n, day in enumerate(f.dates)
    ]  # fmt: skip


def early_warnings(forecasts: Collection[Forecast], last: date, told: Collection[str] = ()) -> list[str]:
    """Return a sentence per segment whose trend crosses its threshold within the next two weeks, the soonest first.

    Segments in `told` have an open incident: the days behind it are no trend.
    """
    soon = [
        f
        for f in forecasts
        if f.segment_id not in told and f.crosses_on is not None and (f.crosses_on - last).days <= WARN_DAYS
    ]
    return [
        f"{f.segment_id}: {f.reason[0].lower()}{f.reason[1:]}"
        for f in sorted(soon, key=lambda f: (f.crosses_on, f.segment_id))
    ]


def _thresholds(project: Project, names: tuple[str, ...]) -> dict[str, float]:
    detector = SizeJump()
    own = {
        (n, detector.name): Limits(t.threshold)
        for n in names
        for t in [project.segments[n].thresholds.get(detector.name)]
        if t is not None and t.threshold is not None
    }
    threshold, _, _ = Settings(segments=own).vectors(detector, names)
    return dict(zip(names, np.asarray(threshold, float).tolist(), strict=True))
