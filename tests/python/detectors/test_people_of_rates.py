"""Rates are judged over the days of their episode and in people: percent of few is not severe."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from pulse_runner.detectors import (
    DETECTORS,
    ConversionAnomaly,
    InactivityCreep,
    MetricPanel,
    Panels,
    Settings,
    evaluate,
)
from pulse_runner.detectors.base import Finding

START = np.datetime64("2024-01-01")


def rate(counts: np.ndarray, members: np.ndarray | float, metric: str = "conversion_rate") -> MetricPanel:
    counts = np.atleast_2d(counts).astype(float)
    whole = np.broadcast_to(np.asarray(members, float), counts.shape).copy()
    return MetricPanel(
        metric, tuple(f"s{i}" for i in range(len(counts))), START + np.arange(counts.shape[1]), counts, whole
    )


def findings(panel: MetricPanel, days: int) -> list[Finding]:
    last = panel.dates[-1].item()
    reports = evaluate(
        Panels({panel.metric: panel}),
        Settings(fdr=None),
        DETECTORS,
        date.fromordinal(last.toordinal() - days + 1),
        last,
    )
    return [f for r in reports for f in r.findings]


def test_three_people_less_are_never_critical_however_sure_it_is() -> None:
    quiet = np.r_[np.full(99, 3.0), 0.0]
    (a,) = ConversionAnomaly().assess(
        Panels({"conversion_rate": rate(quiet, 60.0)}), Settings(), START + 99, START + 99
    )
    sure = replace(a, effect=np.full((1, 1), -1.0))
    assert sure.grade(-1.0, 0.25) == "critical"
    assert sure.severity(0, 0) == "low"


def test_twelve_people_less_are_not_critical_either() -> None:
    few = np.r_[np.full(119, 3.0) + (np.random.default_rng(1).random(119) < 0.01), np.zeros(4)]
    told = findings(rate(few, 60.0), 4)
    assert {f.severity for f in told} <= {"low", "medium", "high"}
    assert told[-1].reason.startswith("Conversion rate fell 100.0 % over 4 days: 0 of 240, 12 expected, since 2024-04-")


def test_severity_of_a_rate_counts_people_over_the_days_of_the_episode() -> None:
    rng = np.random.default_rng(3)
    counts = np.r_[rng.binomial(400, 0.02, 200), np.zeros(8)]
    told = findings(rate(counts, 400.0), 8)
    assert told, "eight days without one of 64 conversions"
    last = told[-1]
    assert (last.severity, last.direction) == ("critical", "down")
    by_day = {f.snapshot_date: f.severity for f in told}
    first = told[0]
    assert first.severity != "critical"
    assert list(by_day.values())[-1] == "critical"
    assert "expected" in last.reason
    assert " over 2 days: 0 of 800, " in last.reason


def test_a_day_with_people_enough_is_judged_alone() -> None:
    rng = np.random.default_rng(4)
    counts = np.r_[rng.binomial(5000, 0.05, 100), 100, 100]
    told = findings(rate(counts, 5000.0), 2)
    assert [f.observed for f in told] == pytest.approx([0.02, 0.02])
    assert {f.severity for f in told} == {"medium"}
    assert told[0].effect == pytest.approx(-0.6, abs=0.03)
    assert "to 2.0 %; " in told[0].reason


def test_a_fall_of_few_is_held_against_the_fewest_people_that_mean_something() -> None:
    quiet = np.r_[np.full(99, 4.0), 0.0]
    (a,) = ConversionAnomaly().assess(
        Panels({"conversion_rate": rate(quiet, 1000.0)}), Settings(), START + 99, START + 99
    )
    assert a.effect[0, 0] == pytest.approx(-0.4, abs=0.05)  # four of ten, not four of four
    assert a.people is not None
    assert a.people[0, 0] == pytest.approx(4, abs=0.5)


def test_what_people_are_is_not_added_up_over_days() -> None:
    rng = np.random.default_rng(5)
    inactive = np.r_[rng.binomial(60, 0.2, 90), np.full(10, 40)]
    (a,) = InactivityCreep().assess(
        Panels({"inactive_rate": rate(inactive, 60.0, "inactive_rate")}), Settings(), START + 90, START + 99
    )
    assert a.people is not None
    assert a.people[0] == pytest.approx(28, abs=4)


def test_one_date_alone_says_what_a_run_over_many_says() -> None:
    rng = np.random.default_rng(6)
    counts = np.r_[rng.binomial(400, 0.02, 150), np.zeros(12)]
    panels, last = Panels({"conversion_rate": rate(counts, 400.0)}), START + 161
    (many,) = ConversionAnomaly().assess(panels, Settings(), START + 140, last)
    (one,) = ConversionAnomaly().assess(panels, Settings(), last, last)
    for name in ("effect", "observed", "expected", "lower", "upper", "people", "p_value"):
        np.testing.assert_array_equal(getattr(many, name)[:, -1:], getattr(one, name))
    assert many.sentence(0, 21) == one.sentence(0, 0)
    assert many.observed[0, -1] < many.lower[0, -1] < many.expected[0, -1] < many.upper[0, -1]
