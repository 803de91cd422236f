"""What the engine learns of a series beside level and weekdays: month ends, days after events, and how rare its surprises are."""

from __future__ import annotations

import numpy as np
import pytest

from pulse_runner.detectors import MetricPanel, Settings
from pulse_runner.detectors.engine.calendar import after
from pulse_runner.detectors.engine.track import track
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import Panels
from pulse_runner.detectors.size_jump import SizeJump

START = np.datetime64("2022-01-01")


def panel(rows: np.ndarray, excluded: np.ndarray | None = None) -> MetricPanel:
    names = tuple(f"s{i}" for i in range(len(rows)))
    return MetricPanel("size", names, START + np.arange(rows.shape[1]), rows, excluded=excluded)


def alarms_a_year(rows: np.ndarray, first: int, false_alarms: float = 1.0) -> float:
    """Return how often a series leaves its state in a year, from day `first` on."""
    result = track(panel(rows), 0, Tuning(), false_alarms)
    opened = result.abnormal & result.fresh
    return float(opened[:, first:].sum() / (len(rows) * (rows.shape[1] - first) / 365))


def test_month_ends_that_are_40_percent_up_are_told_at_most_three_times() -> None:
    rng = np.random.default_rng(1)
    days = START + np.arange(600)
    last = (days + 1).astype("datetime64[M]") != days.astype("datetime64[M]")
    rows = rng.poisson(3000 * np.exp(0.04 * rng.standard_normal((20, 600))) * np.where(last, 1.4, 1.0)).astype(float)
    p = panel(rows)
    (a,) = SizeJump().assess(Panels({"size": p}), Settings(fdr=None), p.dates[0], p.dates[-1])
    found = np.stack([a.candidates(d) for d in range(600)], axis=1)
    ends = np.flatnonzero(last)
    assert found[:, ends[1:4]].any(1).all()
    assert found[:, ends].sum(1).max() <= 4
    assert found[:, ends[5:]].mean() < 0.02
    assert float(np.median(a.expected[:, ends[8]])) == pytest.approx(4200, rel=0.06)


def test_a_month_end_that_stops_being_special_is_forgotten_the_next_month() -> None:
    rng = np.random.default_rng(2)
    days = START + np.arange(600)
    last = ((days + 1).astype("datetime64[M]") != days.astype("datetime64[M]")) & (np.arange(600) < 350)
    rows = rng.poisson(3000 * np.exp(0.04 * rng.standard_normal((20, 600))) * np.where(last, 1.4, 1.0)).astype(float)
    result = track(panel(rows), 0, Tuning())
    ends = np.flatnonzero((days + 1).astype("datetime64[M]") != days.astype("datetime64[M]"))
    assert float(np.median(result.expected[:, ends[ends > 350][1]])) == pytest.approx(3000, rel=0.06)


def test_days_after_events_are_two_and_do_not_depend_on_what_comes_later() -> None:
    excluded = np.zeros((1, 40), bool)
    excluded[0, [10, 20, 26]] = True
    near = after(excluded)
    assert near is not None
    assert np.flatnonzero(near[0]).tolist() == [11, 12, 21, 22, 27, 28]
    for end in range(11, 40):
        known = after(excluded[:, :end])
        assert known is not None
        assert np.array_equal(known, near[:, :end])


def test_the_day_after_an_event_is_judged_by_earlier_ones() -> None:
    """Every event has a day after it that moves by 25 % this way or that: after some, such a day is no surprise; any other is."""
    rng = np.random.default_rng(3)
    rows = 5000 * np.exp(0.04 * rng.standard_normal((40, 700)))
    events = np.zeros((40, 700), bool)
    events[:, 20::30] = True
    following = np.arange(21, 700, 30)
    rows[:, following] *= rng.choice([0.75, 1.25], (40, len(following)))
    rows[:, 655] *= 0.75
    excluded = track(panel(np.round(rows), events), 0, Tuning())
    opened = excluded.abnormal & excluded.fresh
    assert opened[:, following[12:]].mean() < 0.1
    assert opened[:, 655].mean() > 0.9


@pytest.mark.parametrize(("freedom", "at_most"), [(3.0, 2.6), (5.0, 1.8), (1000.0, 1.2)])
def test_a_stated_rate_is_about_what_happens_however_heavy_the_tails_are(freedom: float, at_most: float) -> None:
    """With Student's law of three degrees of freedom nominal p-values are wrong by far more than the factor that is left."""
    rng = np.random.default_rng(4)
    noise = rng.standard_t(freedom, (150, 3 * 365))
    rows = np.round(5000 * np.exp(0.05 * noise / np.std(noise)))
    for stated in (1.0, 3.0):
        assert alarms_a_year(rows, 365, stated) <= at_most * stated


def test_a_lower_stated_rate_gives_fewer_alarms_per_series() -> None:
    rng = np.random.default_rng(6)
    rows = np.round(5000 * np.exp(0.05 * rng.standard_t(4, (60, 700))))
    each = np.where(np.arange(60) < 30, 0.3, 5.0)
    result = track(panel(rows), 0, Tuning(), each)
    opened = (result.abnormal & result.fresh)[:, 200:].sum(1)
    assert opened[:30].sum() * 4 < opened[30:].sum()


def test_a_wild_series_is_not_one_incident_after_another() -> None:
    rng = np.random.default_rng(5)
    rows = rng.poisson(12 * np.exp(0.3 * rng.standard_normal((60, 900)))).astype(float)
    bursts = rng.random(rows.shape) < 0.06
    rows = np.round(rows * np.where(bursts, np.exp(rng.exponential(1.0, rows.shape)), 1.0))
    assert alarms_a_year(rows, 365) < 3.5
