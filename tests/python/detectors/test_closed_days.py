"""Segments that are empty on some days by their nature: closed weekdays, weekends and months, and shops that change their days."""

from __future__ import annotations

import numpy as np
import pytest

from pulse_runner.detectors import MetricPanel, Settings
from pulse_runner.detectors.base import Assessment
from pulse_runner.detectors.engine.track import track
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import Panels
from pulse_runner.detectors.size_jump import SizeJump

START = np.datetime64("2024-01-01")  # a Monday
DAYS, SERIES, LOSS = 500, 40, 440
MONDAY_TO_SUNDAY = np.arange(DAYS) % 7


def panel(rows: np.ndarray) -> MetricPanel:
    return MetricPanel("size", tuple(f"s{i}" for i in range(len(rows))), START + np.arange(rows.shape[1]), rows)


def shop(closed: np.ndarray, level: float = 2000.0, noise: float = 0.05) -> np.ndarray:
    """Return days of SERIES shops, empty where `closed`."""
    rng = np.random.default_rng(11)
    mean = level * np.exp(noise * rng.standard_normal((SERIES, DAYS))) * ~closed
    return rng.poisson(mean).astype(float)


def judged(rows: np.ndarray) -> Assessment:
    p = panel(rows)
    (a,) = SizeJump().assess(Panels({"size": p}), Settings(fdr=None), p.dates[0], p.dates[-1])
    return a


def found(a: Assessment) -> np.ndarray:
    return np.stack([a.candidates(d) for d in range(DAYS)], axis=1)


def incidents(a: Assessment) -> np.ndarray:
    """Return the days on which findings begin, after three quiet days."""
    hit = found(a)
    before = np.stack([np.concatenate([np.zeros((SERIES, n), bool), hit[:, :-n]], axis=1) for n in (1, 2, 3)])
    return hit & ~before.any(0)


@pytest.mark.parametrize("level", [200.0, 2000.0, 50_000.0])
@pytest.mark.parametrize("closed", [(6,), (5, 6), (0, 3)], ids=["Sundays", "weekends", "Mondays and Thursdays"])
def test_a_lasting_loss_is_found_where_weekdays_are_closed_and_quiet_years_are_quiet(
    closed: tuple[int, ...], level: float
) -> None:
    rows = shop(np.isin(MONDAY_TO_SUNDAY, closed), level)
    lost = rows.copy()
    lost[:, LOSS:] = np.random.default_rng(3).binomial(rows[:, LOSS:].astype(int), 0.1)
    assert found(judged(lost))[:, LOSS : LOSS + 3].any(1).sum() == SERIES
    false = incidents(judged(rows))[:, 120:].sum() / (SERIES * (DAYS - 120) / 365)
    assert false <= (1.0 if level >= 2000 else 1.5)


def test_the_spread_of_open_days_is_learned_from_open_days() -> None:
    rows = shop(MONDAY_TO_SUNDAY == 6)
    result = track(panel(rows), 0, Tuning())
    monday, sunday = result.spread[:, 490], result.spread[:, 489]
    assert 0.04 < float(np.median(monday)) < 0.08
    assert (sunday > 0.5).all()


def test_a_month_without_anybody_is_one_incident_and_the_months_after_it_are_judged_as_before() -> None:
    away = np.zeros(DAYS, bool)
    away[300:331] = True
    rows = shop(away)
    rows[:, 480] *= 0.5
    begun = incidents(judged(rows))
    assert begun[:, 300].sum() == SERIES
    assert begun[:, 301:331].sum() == 0
    assert begun[:, 345:480].sum() / (SERIES * 135 / 365) <= 1.5
    assert begun[:, 480].sum() >= 38


def test_a_shop_that_begins_to_open_on_sundays_is_told_at_most_three_times_and_then_known() -> None:
    closed = (MONDAY_TO_SUNDAY == 6) & (np.arange(DAYS) < 250)
    begun = incidents(judged(shop(closed)))
    sundays = np.flatnonzero((MONDAY_TO_SUNDAY == 6) & (np.abs(np.arange(DAYS) - 270) <= 20))
    assert begun[:, sundays].sum(1).max() <= 3
    assert begun[:, sundays[0]].all()
    assert begun[:, 290:].sum() / (SERIES * 210 / 365) <= 1.0


def test_a_long_closure_is_not_taken_for_odd_weekdays() -> None:
    """Two weeks at 30 % with a slow return, then ordinary weeks: nothing is left to tell in the second of them."""
    left = np.ones(DAYS)
    left[354:368] = 0.3
    left[368:375] = np.linspace(0.4, 1.0, 7)
    rows = np.round(shop(np.zeros(DAYS, bool)) * left)
    a = judged(rows)
    begun = incidents(a)
    assert begun[:, 382:].sum() / (SERIES * 118 / 365) <= 1.0
    weeks = np.abs(np.log(a.expected[:, 389:417] / 2000))
    assert float(np.quantile(weeks, 0.95)) < 0.12


def test_rates_of_days_without_anybody_lose_nothing_either() -> None:
    rng = np.random.default_rng(5)
    people = rng.poisson(2000 * (MONDAY_TO_SUNDAY != 6) + 0.2 * (MONDAY_TO_SUNDAY == 6), (SERIES, DAYS))
    hits = rng.binomial(people, 0.1)
    p = MetricPanel(
        "conversion_rate", tuple(f"s{i}" for i in range(SERIES)), START + np.arange(DAYS), hits.astype(float),
        people.astype(float),
    )  # fmt: skip
    result = track(p, 0, Tuning())
    assert np.isfinite(result.expected).all()
    assert np.isfinite(result.spread).all()
    assert 0.05 < float(np.median(result.spread[:, 490])) < 0.12


@pytest.mark.parametrize("people", [None, 5000.0], ids=["count", "rate"])
@pytest.mark.parametrize("closed", [(5,), (5, 6)], ids=["Saturdays", "weekends"])
@pytest.mark.parametrize("first", range(7), ids=["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"])
def test_closed_weekdays_are_known_whatever_day_the_series_begins_on(
    first: int, closed: tuple[int, ...], people: float | None
) -> None:
    rng, days, loss, series = np.random.default_rng(first), 160, 120, 60
    weekday = (first + np.arange(days)) % 7
    usual = np.array([64, 72, 68, 72, 60, 48, 36.0])[weekday] * ~np.isin(weekday, closed)
    usual = usual * np.where(np.arange(days) < loss, 1.0, 0.4)
    rows = rng.poisson(usual, (series, days)) * rng.gamma(25, 1 / 25, (series, days))
    base = None if people is None else np.full((series, days), people)
    dates = START + first + np.arange(days)
    panel = MetricPanel("converted", tuple(f"s{n}" for n in range(series)), dates, np.round(rows), base)
    told = track(panel, 0, Tuning())
    assert (told.fresh & told.abnormal)[:, 28:loss].sum() / series / ((loss - 28) / 365) <= 0.7
    assert told.abnormal[:, loss : loss + 7].any(1).mean() >= (0.5 if people else 0.75)
