"""What every detector on a series promises, whatever the series: one suite for all of them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from detector_case import metric_of, ordinary, series_panel

from pulse_runner.detectors import DETECTORS, Limits, MetricPanel, Outcome, Panels, Settings, evaluate
from pulse_runner.detectors.base import Detector, Verdict

ON_SERIES = [d for d in DETECTORS if metric_of(d)]
pytestmark = pytest.mark.parametrize("detector", ON_SERIES, ids=lambda d: d.name)


def panel(detector: Detector, values: np.ndarray, people: float = 4000.0) -> MetricPanel:
    """Make a panel of the detector's metric from levels in members."""
    return series_panel(metric_of(detector), values, people)


def verdicts(detector: Detector, p: MetricPanel, first: int = 0, **options: object) -> list[list[Verdict]]:
    settings = Settings(fdr=None, **options)  # type: ignore[arg-type]
    last = p.dates[-1].item()
    reports = evaluate(Panels({p.metric: p}), settings, [detector], p.dates[first].item(), last, every_verdict=True)
    return [list(r.verdicts) for r in reports]


def found(detector: Detector, p: MetricPanel, **options: object) -> list[date]:
    return [v.snapshot_date for day in verdicts(detector, p, **options) for v in day if v.kind == Outcome.FINDING]


def broken(detector: Detector, values: np.ndarray, at: int) -> np.ndarray:
    """Plant a fault in the direction that the detector watches, well above every default threshold."""
    out = values.copy()
    out[at] = np.round(out[at] * (1.9 if detector.default_direction == "up" else 0.3))
    return out


def test_a_constant_series_is_quiet(detector: Detector) -> None:
    assert found(detector, panel(detector, np.full(60, 1000.0))) == []


def test_an_ordinary_series_is_quiet(detector: Detector) -> None:
    assert found(detector, panel(detector, ordinary(90))) == []


def test_a_planted_fault_is_found_on_its_day_with_numbers(detector: Detector) -> None:
    p = panel(detector, broken(detector, ordinary(90), 80))
    (verdict,) = [v for day in verdicts(detector, p) for v in day if v.kind == Outcome.FINDING]
    finding = verdict.finding
    assert finding is not None
    assert finding.snapshot_date == finding.started_on == date(2024, 3, 21)
    assert finding.lower < finding.expected < finding.upper
    assert not finding.lower <= finding.observed <= finding.upper
    assert finding.p_value < 1e-4
    assert "expected" in finding.reason
    assert "%" in finding.reason


def test_gaps_neither_alarm_nor_break_what_follows(detector: Detector) -> None:
    values = broken(detector, ordinary(90), 80)
    values[40:50] = np.nan
    values[[20, 60]] = np.nan
    p = panel(detector, values)
    assert found(detector, p) == [date(2024, 3, 21)]
    assert verdicts(detector, p)[45][0].kind == Outcome.NO_DATA


def test_a_short_history_is_a_stated_result(detector: Detector) -> None:
    first = verdicts(detector, panel(detector, ordinary(12)))[2][0]
    assert first.kind == Outcome.NEEDS_HISTORY
    assert first.needs is not None
    assert first.needs >= 3
    assert "more days of history" in first.reason


def test_the_unit_of_the_series_does_not_matter(detector: Detector) -> None:
    values = broken(detector, np.round(ordinary(90) * 50), 80)
    small, large = panel(detector, values, people=200_000), panel(detector, values * 10, people=2_000_000)
    assert found(detector, small) == found(detector, large) == [date(2024, 3, 21)]


def test_the_same_input_gives_the_same_verdicts(detector: Detector) -> None:
    p = panel(detector, broken(detector, ordinary(90), 80))
    assert verdicts(detector, p) == verdicts(detector, p)


def test_a_series_is_judged_the_same_alone_and_among_others(detector: Detector) -> None:
    rows = np.stack([ordinary(90, seed) for seed in range(5)])
    rows[3] = broken(detector, rows[3], 80)
    among = [v for day in verdicts(detector, panel(detector, rows)) for v in day if v.segment_id == "s3"]
    alone = [v for day in verdicts(detector, panel(detector, rows[3])) for v in day]
    assert [(v.kind, v.reason) for v in among] == [(v.kind, v.reason) for v in alone]


def test_no_verdict_depends_on_later_days(detector: Detector) -> None:
    values = broken(detector, ordinary(90), 60)
    changed = values.copy()
    changed[71:] *= 3
    before, after = (verdicts(detector, panel(detector, v, people=9000))[:71] for v in (values, changed))
    assert before == after


def test_a_replay_and_a_single_day_say_the_same(detector: Detector) -> None:
    p = panel(detector, broken(detector, ordinary(90), 80))
    assert verdicts(detector, p)[80] == verdicts(detector, p.head(81), first=80)[0]


def series_with(p: MetricPanel, t: int, value: float) -> MetricPanel:
    """Return the panel with another value on one day, and the same excluded days."""
    other = p.numerator.copy()
    other[0, t] = value
    return MetricPanel(p.metric, p.segment_ids, p.dates, other, p.denominator, p.excluded)


def test_excluded_days_are_muted_and_not_learned_from(detector: Detector) -> None:
    values = broken(detector, ordinary(90), 60)
    plain = panel(detector, values)
    mask = np.zeros(plain.numerator.shape, bool)
    mask[0, 60] = True
    p = MetricPanel(plain.metric, plain.segment_ids, plain.dates, plain.numerator, plain.denominator, mask)
    by_day = verdicts(detector, p)
    assert by_day[60][0].kind == Outcome.MUTED
    missing = series_with(p, 60, np.nan)
    assert by_day[61] == verdicts(detector, missing)[61]
    assert by_day[75:] == verdicts(detector, missing)[75:]


def test_a_level_that_was_accepted_is_the_baseline_from_its_first_day(detector: Detector) -> None:
    values = ordinary(90)
    values[60:] = np.round(values[60:] * (1.9 if detector.default_direction == "up" else 0.4))
    plain = panel(detector, values)
    rebased = np.array(["2024-03-01"], "datetime64[D]")  # day 60
    p = MetricPanel(
        plain.metric, plain.segment_ids, plain.dates, plain.numerator, plain.denominator, rebased_on=rebased
    )
    assert date(2024, 3, 1) in found(detector, plain)
    assert found(detector, p) == []


def test_a_detector_that_is_off_says_so(detector: Detector) -> None:
    p = panel(detector, broken(detector, ordinary(90), 80))
    off = {("s0", detector.name): Limits(enabled=False)}
    assert {v.kind for day in verdicts(detector, p, segments=off) for v in day} == {Outcome.DISABLED}


def test_a_change_below_the_segments_threshold_is_no_finding(detector: Detector) -> None:
    p = panel(detector, broken(detector, ordinary(90), 80))
    high = {("s0", detector.name): Limits(threshold=2.0)}
    assert found(detector, p, segments=high) == []


def test_only_the_watched_direction_counts(detector: Detector) -> None:
    if detector.name == "entity_health":
        pytest.skip("a collapse of a flow is a fall by definition")
    falls = ordinary(90)
    falls[80] = np.round(falls[80] * 0.3)
    p = panel(detector, falls)
    assert found(detector, p, segments={("s0", detector.name): Limits(direction="up")}) == []


def test_days_before_the_first_snapshot_change_nothing(detector: Detector) -> None:
    values = broken(detector, ordinary(90), 70)
    late = np.concatenate([np.full(200, np.nan), values])
    days = (verdicts(detector, panel(detector, values)), verdicts(detector, panel(detector, late), first=200))
    alone, padded = ([(v.kind, v.needs, v.finding and v.finding.effect) for day in d for v in day] for d in days)
    assert padded == alone
    assert Outcome.FINDING in [kind for kind, _, _ in alone]


def test_a_day_without_any_member_does_not_blind_the_days_after_it(detector: Detector) -> None:
    p = panel(detector, broken(detector, ordinary(90), 80))
    p.numerator[0, 40] = 0.0
    if p.denominator is not None:
        p.denominator[0, 40] = 0.0
    days = verdicts(detector, p)
    assert (days[40][0].kind == Outcome.NO_DATA) == (p.denominator is not None)
    assert days[80][0].kind == Outcome.FINDING
