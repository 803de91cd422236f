"""Where sizes are heading, from the stored snapshots: for people, not for incidents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from pulse_runner.arrays import day_axis
from pulse_runner.detect.panels import metric_panels, only_measured
from pulse_runner.detect.stage import detector_settings
from pulse_runner.detectors import Detector, InactivityCreep, MetricPanel, SizeJump
from pulse_runner.detectors.engine.forecast import Forecast, forecast
from pulse_runner.known_events.read import excluded_days, read_events
from pulse_runner.metrics import label
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

HISTORY_DAYS = 90
NEEDED_DAYS = 21
WARN_DAYS = 14
CREEP_DAYS = 90  # ahead: a creep is slow, and told early
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
    return _sizes(_recent(warehouse, project, names, last)["size"], project, days)


def trends_ahead(warehouse: Warehouse, project: Project, last: date, told: Collection[str]) -> list[str]:
    """Return a sentence per trend that will cross its threshold: sizes soon, the share of inactive members early.

    A rise of 0.3 % a day takes three months to 30 %: it is told as soon as it stands out, and no incident is opened.
    """
    names = tuple(sorted(s.name for s in project.segments.values() if s.enabled))
    panels = _recent(warehouse, project, names, last)
    ahead = early_warnings(_sizes(panels["size"], project), last, told)
    inactive = only_measured(panels, project).get("inactive_rate")
    if inactive is None:
        return ahead
    rising = rising_rates(inactive, _thresholds(project, inactive.segment_ids, InactivityCreep()))
    return ahead + early_warnings(rising, last, told, CREEP_DAYS)


def _recent(warehouse: Warehouse, project: Project, names: tuple[str, ...], last: date) -> dict[str, MetricPanel]:
    """Return the panels of the last HISTORY_DAYS, without the days of known events."""
    first = last - timedelta(days=HISTORY_DAYS - 1)
    muted = excluded_days(read_events(warehouse), project, names, day_axis(first, last))
    return metric_panels(warehouse, names, first, last, muted)


def _sizes(panel: MetricPanel, project: Project, days: int = 7) -> list[Forecast]:
    return _each(panel, days, _thresholds(project, panel.segment_ids, SizeJump()))


def rising_rates(panel: MetricPanel, thresholds: Mapping[str, float]) -> list[Forecast]:
    """Return the forecasts of the rates that rise clearly enough to name the day on which they cross their threshold."""
    assert panel.denominator is not None
    usable = panel.usable
    # a rate as the count that it is of a segment of the usual size: counting noise stays what it is, and the size plays no part
    size = np.nanmedian(np.where(usable, panel.denominator, np.nan), axis=1) if usable.any() else np.zeros(len(usable))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(usable, panel.numerator / panel.denominator, np.nan)
    counts = MetricPanel(panel.metric, panel.segment_ids, panel.dates, share * size[:, None], None, panel.excluded)
    found = [f for f in _each(counts, 7, thresholds) if f.trend > 0 and f.crosses_on is not None]
    return [replace(f, reason=f"{label(panel.metric)}{f.reason.removeprefix('Size')}") for f in found]


def _each(panel: MetricPanel, days: int, threshold: Mapping[str, float]) -> list[Forecast]:
    """Return the forecast of each segment, with its own threshold."""
    found = {
        f.segment_id: f
        for t in sorted(set(threshold.values()))
        for f in forecast(panel, days, t)
        if threshold[f.segment_id] == t
    }
    return [found[n] for n in panel.segment_ids if n in found]


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


def early_warnings(
    forecasts: Collection[Forecast], last: date, told: Collection[str] = (), within: int = WARN_DAYS
) -> list[str]:
    """Return a sentence per segment whose trend crosses its threshold within so many days, the soonest first.

    Segments in `told` have an open incident: the days behind it are no trend.
    """
    soon = [
        f
        for f in forecasts
        if f.segment_id not in told and f.crosses_on is not None and (f.crosses_on - last).days <= within
    ]
    return [
        f"{f.segment_id}: {f.reason[0].lower()}{f.reason[1:]}"
        for f in sorted(soon, key=lambda f: (f.crosses_on, f.segment_id))
    ]


def _thresholds(project: Project, names: tuple[str, ...], detector: Detector) -> dict[str, float]:
    threshold, _, _ = detector_settings(project).vectors(detector, names)
    return dict(zip(names, np.asarray(threshold, float).tolist(), strict=True))
