"""Days that a person called a false alarm: the engine learns from them, and finds nothing in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pulse_runner.detectors.engine.track import track
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import MetricPanel


def test_days_that_a_person_calls_ordinary_are_learned_from_and_open_nothing() -> None:
    days = np.arange(np.datetime64("2026-01-05"), np.datetime64("2026-01-05") + 60)
    sizes = 1000.0 + 5.0 * (np.arange(60) % 4)
    sizes[40:43] = 700.0
    panel = MetricPanel("size", ("vip",), days, sizes[None, :])
    ordinary = np.zeros((1, 60), bool)
    ordinary[0, 40:43] = True
    fault, alarm = (track(replace(panel, ordinary=o), 0, Tuning()) for o in (None, ordinary))
    assert fault.abnormal[0, 40:43].all()
    assert not alarm.abnormal[0, 40:43].any()
    assert alarm.spread[0, 50] > 1.3 * fault.spread[0, 50], "the next such day is less of a surprise"
