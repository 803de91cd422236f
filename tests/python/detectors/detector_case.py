"""What a case file of a detector holds, and how the suites find it.

Each file in detector_cases/ is named like its detector and has

    FOUND    Panels with a fault on their last day, which the detector must find on that day
    QUIET    Panels with nothing for it: ordinary days, or a fault of another detector
    METRIC   for a detector on a series: the metric whose contract is tried on drawn series

The helpers below make panels of ordinary days.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np

from pulse_runner import metrics
from pulse_runner.arrays import Floats
from pulse_runner.detectors import MetricPanel, Panels
from pulse_runner.detectors.base import Detector

START = np.datetime64("2024-01-01")
DAYS = 70
PEOPLE = 4000.0


def case_of(detector: Detector) -> ModuleType:
    """Return the case file of a detector; ModuleNotFoundError when it has none."""
    return import_module(f"detector_cases.{detector.name}")


def metric_of(detector: Detector) -> str:
    """Return the metric that a detector's series contract is tried on, '' when it judges no series."""
    return str(getattr(case_of(detector), "METRIC", ""))


def series_panel(metric: str, rows: Floats, people: float = PEOPLE) -> MetricPanel:
    """Make a panel from levels in members: counts as they are, a rate over `people`."""
    values = np.atleast_2d(rows).astype(float)
    names = tuple(f"s{i}" for i in range(len(values)))
    below = np.where(np.isnan(values), np.nan, people) if metrics.is_rate(metric) else None
    return MetricPanel(metric, names, START + np.arange(values.shape[1]), values, below)


def ordinary(days: int = DAYS, seed: int = 0) -> Floats:
    """Return days that differ by counting noise only."""
    return np.random.default_rng(seed).poisson(1000, days).astype(float)


def series(metric: str, last: float = 1.0) -> Panels:
    """Return ordinary days of a metric, the last one times `last`."""
    values = ordinary()
    values[-1] = np.round(values[-1] * last)
    return Panels({metric: series_panel(metric, values)})


def status(word: str) -> Panels:
    """Return ordinary days of size, the last one with a status and without a count."""
    values = ordinary()
    values[-1] = np.nan if word != "ok" else values[-1]
    plain = series_panel("size", values)
    words = np.array([["ok"] * (DAYS - 1) + [word]])
    return Panels({"size": MetricPanel("size", plain.segment_ids, plain.dates, plain.numerator, status=words)})
