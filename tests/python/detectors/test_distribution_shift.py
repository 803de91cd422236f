"""distribution_shift: which bucket moved, what kind of move it is, and what is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import replay
from pulse_runner.detectors import DETECTORS, Limits, Settings
from pulse_runner.detectors.engine.distribution_baseline import DistributionHistory
from pulse_runner.incidents.incident import Incident

BUCKETS = ("(null)", "AT", "DE", "FR", "XX")
USUAL = (0.02, 0.18, 0.5, 0.3, 0.0)


def shares(days: int = 70, people: int = 3000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).multinomial(people, USUAL, days).astype(float)


def incidents(members: np.ndarray, constrained: bool = False, **rules: Limits) -> list[Incident]:
    days = np.datetime64("2024-01-01") + np.arange(len(members))
    h = DistributionHistory("country", ("vip",), BUCKETS, days, members[None], np.ones((1, len(members)), bool))
    history = Recording(distributions=[h], constrained=frozenset({("vip", "country")}) if constrained else frozenset())
    return list(replay(history, Settings(rules, fdr=None), DETECTORS).incidents)


def day(index: int) -> date:
    return date(2024, 1, 1) + timedelta(days=index)


def move(members: np.ndarray, days: Sequence[int], source: int, target: int, part: float) -> np.ndarray:
    out = members.copy()
    for t in days:
        moved = np.round(out[t, source] * part)
        out[t, source] -= moved
        out[t, target] += moved
    return out


def test_an_ordinary_distribution_is_quiet_for_ten_segments() -> None:
    assert sum(len(incidents(shares(seed=s))) for s in range(10)) == 0


def test_a_recoded_value_names_the_old_and_the_new_one() -> None:
    (i,) = incidents(move(shares(), range(50, 70), 2, 4, 1.0))
    assert (i.detected_on, i.attribute) == (day(50), "country")
    assert "recoded" in i.reason
    assert "DE" in i.reason
    assert "XX" in i.reason
    assert i.effect == pytest.approx(0.5, abs=0.03)


def test_a_null_burst_is_called_one_and_ends_when_it_ends() -> None:
    (i,) = incidents(move(shares(), range(50, 54), 2, 0, 0.6))
    assert (i.bucket, i.detected_on, i.resolved_on, i.resolution) == ("(null)", day(50), day(54), "recovered")
    assert i.reason.startswith("Null burst in country")


def test_a_value_that_spreads_over_the_others_has_vanished() -> None:
    members = shares()
    for t in range(50, 70):
        members[t] = np.random.default_rng(t).multinomial(3000, [0.03, 0.38, 0.0, 0.59, 0.0])
    (i,) = incidents(members)
    assert "all but vanished" in i.reason


def test_a_shift_that_stays_is_told_once_and_becomes_normal() -> None:
    (i,) = incidents(move(shares(120), range(50, 120), 2, 1, 0.6))
    assert (i.detected_on, i.resolved_on, i.resolution) == (day(50), day(64), "accepted")


def test_a_shift_below_the_threshold_is_quiet_and_found_with_a_lower_one() -> None:
    members = move(shares(), range(50, 70), 2, 1, 0.2)
    assert incidents(members) == []
    (i,) = incidents(members, distribution_shift=Limits(0.05))
    assert i.effect == pytest.approx(0.10, abs=0.02)


def test_noise_of_a_small_segment_is_not_counted_as_distance() -> None:
    members = np.random.default_rng(1).multinomial(40, USUAL, 100).astype(float)
    assert incidents(members, distribution_shift=Limits(0.02)) == []


def test_an_attribute_that_the_rule_itself_moves_is_not_tested() -> None:
    assert incidents(move(shares(), range(50, 70), 2, 4, 1.0), constrained=True) == []


def test_an_attribute_can_be_switched_off_for_a_segment() -> None:
    members = move(shares(), range(50, 70), 2, 4, 1.0)
    days = np.datetime64("2024-01-01") + np.arange(70)
    h = DistributionHistory("country", ("vip",), BUCKETS, days, members[None], np.ones((1, 70), bool))
    off = Settings(attributes={("vip", "distribution_shift", "country"): Limits(enabled=False)})
    assert replay(Recording(distributions=[h]), off, DETECTORS).incidents == ()


def test_weekends_that_differ_every_week_are_no_shift() -> None:
    rng = np.random.default_rng(4)
    members = np.array([
        rng.multinomial(3000, (0.02, 0.40, 0.30, 0.28, 0.0) if t % 7 >= 5 else USUAL) for t in range(100)
    ]).astype(float)  # fmt: skip
    assert [i for i in incidents(members) if i.detected_on > day(40)] == []
