"""The cases that defeat z-scores, each on series of its own, at the shipped defaults and without false discovery control."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import Replay, replay
from pulse_runner.detectors import DETECTORS, MetricPanel, Settings

START = np.datetime64("2024-01-01")  # a Monday


def replay_sizes(sizes: np.ndarray, fdr: float | None = None) -> Replay:
    rows = np.atleast_2d(sizes).astype(float)
    dates = START + np.arange(rows.shape[1])
    panel = MetricPanel("size", tuple(f"s{i}" for i in range(len(rows))), dates, rows)
    return replay(Recording({"size": panel}), Settings(fdr=fdr), DETECTORS)


def day(index: int) -> date:
    return date(2024, 1, 1) + timedelta(days=index)


def noisy(days: int, noise: float, seed: int, level: float = 1000.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(level * (1 + noise * rng.standard_normal(days)))


def test_a_drop_of_42_percent_in_10_percent_noise_is_found_in_at_least_19_of_20_seeds() -> None:
    rows = np.array([noisy(60, 0.10, seed) for seed in range(20)])
    rows[:, 59] *= 0.58
    result = replay_sizes(rows)
    assert sum(i.detected_on == day(59) and i.direction == "down" for i in result.incidents) >= 19


@pytest.mark.parametrize("history", [5, 6, 7, 8, 9, 10, 11])
def test_a_drop_of_42_percent_is_found_after_few_days_of_history(history: int) -> None:
    sizes = noisy(history + 1, 0.02, seed=history)
    sizes[-1] *= 0.58
    (incident,) = replay_sizes(sizes).incidents
    assert incident.detected_on == day(history)
    assert incident.effect == pytest.approx(-0.42, abs=0.06)


def test_a_drop_that_persists_for_ten_days_is_one_incident_until_it_ends() -> None:
    sizes = noisy(90, 0.02, seed=1)
    sizes[60:70] *= 0.58
    (incident,) = replay_sizes(sizes).incidents
    assert (incident.detected_on, incident.resolved_on, incident.resolution) == (day(60), day(70), "recovered")


def test_a_drop_that_stays_is_one_incident_and_becomes_the_new_normal() -> None:
    sizes = noisy(150, 0.02, seed=2)
    sizes[60:] *= 0.58
    (incident,) = replay_sizes(sizes).incidents
    assert (incident.detected_on, incident.resolution) == (day(60), "accepted")
    assert incident.resolved_on is not None
    assert day(67) <= incident.resolved_on <= day(80)


def test_the_same_drop_twice_within_two_weeks_is_found_twice() -> None:
    sizes = noisy(90, 0.02, seed=3)
    sizes[60] *= 0.58
    sizes[70] *= 0.58
    assert [i.detected_on for i in replay_sizes(sizes).incidents] == [day(60), day(70)]


@pytest.mark.parametrize("days", [14, 30])
def test_a_decline_of_42_percent_spread_over_weeks_is_found_before_it_ends(days: int) -> None:
    sizes = noisy(120, 0.02, seed=4)
    sizes[60 : 60 + days] *= np.linspace(1, 0.58, days)
    sizes[60 + days :] *= 0.58
    incidents = replay_sizes(sizes).incidents
    assert incidents
    assert day(60) < incidents[0].detected_on < day(60 + days)
    assert len(incidents) <= 2


def test_weekends_that_dip_every_week_are_quiet_in_the_third_and_later_weeks() -> None:
    sizes = noisy(21, 0.02, seed=5)
    sizes[np.arange(21) % 7 >= 5] *= 0.7
    assert [i for i in replay_sizes(sizes).incidents if i.detected_on >= day(14)] == []


def test_a_flat_series_that_moves_by_one_percent_is_quiet() -> None:
    sizes = np.full(60, 1000.0)
    sizes[59] = 990
    assert replay_sizes(sizes).incidents == ()


def test_a_flat_series_that_falls_by_42_percent_is_found() -> None:
    sizes = np.full(60, 1000.0)
    sizes[59] = 580
    (incident,) = replay_sizes(sizes).incidents
    assert (incident.detected_on, incident.observed) == (day(59), 580.0)
    assert incident.expected == pytest.approx(1000, abs=1)


def test_steady_growth_is_no_jump() -> None:
    rng = np.random.default_rng(6)
    sizes = rng.poisson(2000 * 1.004 ** np.arange(250))
    assert [i for i in replay_sizes(sizes).incidents if i.detected_on >= day(20)] == []


def test_a_missing_load_and_half_a_load_are_found_on_the_day() -> None:
    sizes = noisy(90, 0.04, seed=7)
    sizes[70] = 0
    sizes[80] *= 0.5
    incidents = replay_sizes(sizes).incidents
    assert [i.detected_on for i in incidents] == [day(70), day(80)]
    assert incidents[0].severity == "critical"


def test_a_segment_of_a_few_members_does_not_cry_wolf() -> None:
    rng = np.random.default_rng(8)
    rows = rng.poisson(6, (50, 120))
    result = replay_sizes(rows)
    late = [i for i in result.incidents if i.detected_on >= day(30)]
    assert len(late) / (50 * 90 / 365) < 1.5  # incidents per series-year


def test_a_segment_that_is_always_empty_is_quiet_and_one_that_fills_is_found() -> None:
    empty = np.zeros(60)
    filled = np.zeros(60)
    filled[50:] = 500
    result = replay_sizes(np.array([empty, filled]))
    assert {i.segment_id for i in result.incidents} == {"s1"}
    assert min(i.detected_on for i in result.incidents) == day(50)
