"""The forecast: an interval that holds, and a crossing that is only named when there is a trend."""

from __future__ import annotations

from datetime import date

import numpy as np

from pulse_runner.detect.forecasts import CREEP_DAYS, early_warnings, rising_rates
from pulse_runner.detectors.engine.forecast import forecast
from pulse_runner.detectors.panel import MetricPanel

START = np.datetime64("2026-01-05")  # a Monday


def panel(rows: np.ndarray) -> MetricPanel:
    return MetricPanel("size", tuple(f"s{i}" for i in range(len(rows))), START + np.arange(rows.shape[1]), rows)


def test_the_interval_holds_the_next_seven_days_about_19_times_in_20() -> None:
    rng = np.random.default_rng(1)
    week = np.array([1.1, 1.1, 1.1, 1.1, 1.0, 0.7, 0.7])[np.arange(97) % 7]
    rows = rng.poisson(2000 * week * np.exp(0.02 * rng.standard_normal((200, 97)))).astype(float)
    forecasts = forecast(panel(rows[:, :90]))
    inside = np.mean([(f.lower <= r[90:]) & (r[90:] <= f.upper) for f, r in zip(forecasts, rows, strict=True)])
    assert 0.92 <= inside <= 0.995
    off = np.mean([np.abs(f.expected / r[90:] - 1) for f, r in zip(forecasts, rows, strict=True)])
    assert off < 0.03


def test_a_level_series_is_rarely_said_to_cross() -> None:
    rows = np.random.default_rng(2).poisson(2000, (200, 90)).astype(float)
    assert sum(f.crosses_on is not None for f in forecast(panel(rows))) <= 10


def test_a_creep_of_half_a_percent_a_day_is_said_to_cross_in_time() -> None:
    rng = np.random.default_rng(3)
    level = 2000 * np.where(np.arange(90) < 68, 1.0, 0.995 ** (np.arange(90) - 68))
    rows = rng.poisson(level, (50, 90)).astype(float)
    found = [f for f in forecast(panel(rows), threshold=0.15) if f.crosses_on is not None]
    assert len(found) >= 40
    assert all(f.trend < 0 and "15 %" in f.reason for f in found)


def test_too_little_history_gives_no_forecast() -> None:
    assert forecast(panel(np.full((1, 15), 1000.0))) == []


def test_early_warnings_are_of_trends_that_cross_soon_in_segments_without_an_incident() -> None:
    sizes = np.round(1000 * 0.995 ** np.arange(60))[None].repeat(2, 0)
    creep = MetricPanel("size", ("told", "vip"), np.datetime64("2026-01-01") + np.arange(60), sizes)
    found = forecast(creep, threshold=0.15)
    last = date(2026, 3, 1)
    (warning,) = early_warnings(found, last, told={"told"})
    assert warning.startswith("vip: size moves by -0.50 % a day; on 2026-03-06 it will be 15 % below that of 2026-0")
    assert early_warnings(found, date(2026, 2, 1)) == []


def test_a_creep_of_inactivity_is_told_long_before_it_crosses_the_threshold() -> None:
    rng = np.random.default_rng(4)
    days, members = 60, 3000
    rates = np.stack(
        [np.full(days, 0.2), 0.2 * 1.003 ** np.maximum(np.arange(days) - 25, 0), 0.2 * 0.99 ** np.arange(days)]
    )
    inactive = rng.binomial(members, rates).astype(float)
    whole = np.full(inactive.shape, float(members))
    panel = MetricPanel(
        "inactive_rate", ("calm", "creep", "better"), np.datetime64("2026-01-01") + np.arange(days), inactive, whole
    )
    (told,) = rising_rates(panel, dict.fromkeys(panel.segment_ids, 0.30))
    assert told.segment_id == "creep"
    assert 0.001 < told.trend < 0.006
    assert told.reason.startswith("Inactive rate moves by +0.")
    (warning,) = early_warnings([told], panel.dates[-1].item(), within=CREEP_DAYS)
    assert warning.startswith("creep: inactive rate moves by +0.")
    assert early_warnings([told], panel.dates[-1].item(), told=["creep"], within=CREEP_DAYS) == []
    (sooner,) = rising_rates(panel.rows([1]), {"creep": 0.20})
    assert told.crosses_on is not None
    assert sooner.crosses_on is not None
    assert sooner.crosses_on < told.crosses_on


def test_most_steady_shares_of_inactive_members_are_not_told() -> None:
    rng = np.random.default_rng(5)
    inactive = rng.binomial(3000, 0.2, (200, 90)).astype(float)
    names = tuple(f"s{n}" for n in range(200))
    panel = MetricPanel(
        "inactive_rate", names, np.datetime64("2026-01-01") + np.arange(90), inactive, np.full((200, 90), 3000.0)
    )
    assert len(rising_rates(panel, dict.fromkeys(names, 0.30))) <= 4
