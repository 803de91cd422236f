"""Pulse on the same series: the shipped detector, one stated false alarm rate, each series on its own."""

from __future__ import annotations

import numpy as np

from benchmarks.detection.sources import Background
from pulse_runner.arrays import Bools
from pulse_runner.detectors.base import Assessment, Detector, Settings
from pulse_runner.detectors.conversion_anomaly import TUNING as RATE_TUNING
from pulse_runner.detectors.conversion_anomaly import ConversionAnomaly
from pulse_runner.detectors.engine.series import assess_series
from pulse_runner.detectors.engine.track import Track, track
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import MetricPanel
from pulse_runner.detectors.size_jump import TUNING as SIZE_TUNING
from pulse_runner.detectors.size_jump import SizeJump


def panel_of(background: Background) -> MetricPanel:
    """Return the series as the product has them, with public holidays as known events."""
    excluded = np.broadcast_to(background.events, background.numerator.shape)
    metric = "size" if background.denominator is None else "conversion_rate"
    return MetricPanel(
        metric, background.names, background.dates, background.numerator, background.denominator, excluded=excluded
    )


def assess(background: Background, false_alarms: float) -> Assessment:
    """Run the shipped detector of the series' kind."""
    panel, (detector, tuning) = panel_of(background), _watching(background)
    days = panel.dates[0], panel.dates[-1]
    return assess_series(detector, panel, Settings(fdr=None), *days, tuning, false_alarms=false_alarms)


def _watching(background: Background) -> tuple[Detector, Tuning]:
    """Return the detector of the series' kind with its constants."""
    return (SizeJump(), SIZE_TUNING) if background.denominator is None else (ConversionAnomaly(), RATE_TUNING)


def alarms(background: Background, false_alarms: float) -> Bools:
    """Return the first day of each incident: a finding, unless one went before it in the same episode or in the last four days."""
    a = assess(background, false_alarms)
    out = np.zeros(a.kind.shape, bool)
    last, told = np.full(len(out), -1000), np.zeros(len(out), bool)
    for t in range(out.shape[1]):
        told &= a.abnormal[:, t]
        hit = a.candidates(t)
        out[:, t] = hit & ~told & (t - last > 4)
        told |= hit
        last = np.where(hit, t, last)
    return out


def openings(background: Background, false_alarms: float) -> Bools:
    """Return the days on which a series left its state, whatever the size: what a stated false alarm rate is about."""
    result: Track = track(panel_of(background), 0, _watching(background)[1], false_alarms)
    return np.asarray(result.abnormal & result.fresh)
