"""Sensitivity is a stated false alarm rate: more of it finds more and costs more, segment by segment."""

from __future__ import annotations

import numpy as np
import pytest

from pulse_runner.detectors import DETECTORS, ConversionAnomaly, Limits, MetricPanel, Panels, Settings, SizeJump
from pulse_runner.detectors.base import Detector

START, DAYS = np.datetime64("2024-01-01"), 365


def days_out(detector: Detector, metric: str, rates: bool, settings: Settings) -> int:
    """Return how often clean series leave their state in a year of days: the first days of episodes."""
    rng = np.random.default_rng(3)
    level = 400 * np.exp(rng.normal(0, 0.08, (60, DAYS)))
    whole = np.full(level.shape, 8000.0) if rates else None
    counts = rng.poisson(level).astype(float)
    names = tuple(f"s{n}" for n in range(60))
    panel = MetricPanel(metric, names, START + np.arange(DAYS), counts, whole)
    (a,) = detector.assess(Panels({metric: panel}), settings, START, START + DAYS - 1)
    return int((a.abnormal & a.fresh).sum())


@pytest.mark.parametrize(
    ("detector", "metric", "rates"), [(SizeJump(), "size", False), (ConversionAnomaly(), "conversion_rate", True)]
)
def test_more_sensitivity_costs_more(detector: Detector, metric: str, rates: bool) -> None:
    out = [
        days_out(detector, metric, rates, Settings({detector.name: Limits(false_alarms=r)}, fdr=None))
        for r in (0.25, 1.0, 4.0)
    ]
    assert out[0] < out[1] < out[2]
    assert out[2] >= 2 * out[1]


def test_each_segment_has_its_own() -> None:
    rng = np.random.default_rng(5)
    counts = np.tile(rng.poisson(400 * np.exp(rng.normal(0, 0.08, 600))), (2, 1)).astype(float)
    panel = MetricPanel("size", ("calm", "keen"), START + np.arange(600), counts)
    own = Settings(
        segments={("calm", "size_jump"): Limits(false_alarms=0.05), ("keen", "size_jump"): Limits(false_alarms=20.0)}
    )
    (a,) = SizeJump().assess(Panels({"size": panel}), own, START, START + 599)
    assert a.abnormal[0].sum() < a.abnormal[1].sum()


def test_every_detector_on_a_series_takes_it() -> None:
    settings = Settings({d.name: Limits(false_alarms=2.0) for d in DETECTORS})
    assert {float(settings.false_alarms(d, ("s",))[0]) for d in DETECTORS} == {2.0}
