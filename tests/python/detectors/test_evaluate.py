"""From tests to findings: false discovery control, severity, and what else a report says."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from pulse_runner.detectors import DETECTORS, Limits, MetricPanel, Outcome, Panels, Settings, evaluate, find
from pulse_runner.detectors.evaluate import discoveries

START = np.datetime64("2024-01-01")


def test_benjamini_hochberg_keeps_the_largest_p_value_below_its_line() -> None:
    # Benjamini and Hochberg (1995), section 3.1: four of fifteen survive at 0.05
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    cut = discoveries(np.array(p), 0.05)
    assert cut == pytest.approx(4 / 15 * 0.05)
    assert sum(x <= cut for x in p) == 4


def test_without_control_every_p_value_passes() -> None:
    assert discoveries(np.array([0.5, 0.9]), None) == 1.0


@pytest.mark.parametrize(
    ("effect", "expected"), [(-0.16, "low"), (-0.31, "medium"), (0.5, "high"), (0.8, "critical"), (-0.95, "critical")]
)
def test_severity_counts_thresholds(effect: float, expected: str) -> None:
    assert find("size_jump").severity(effect, 0.15) == expected


def test_one_real_drop_among_many_quiet_series_is_the_only_finding() -> None:
    rng = np.random.default_rng(5)
    rows = rng.poisson(1000, (300, 90)).astype(float)
    rows[17, 89] = 580
    p = MetricPanel("size", tuple(f"s{i}" for i in range(300)), START + np.arange(90), rows)
    (report,) = evaluate(Panels({"size": p}), Settings(), DETECTORS, date(2024, 3, 30), date(2024, 3, 30))
    (finding,) = report.findings
    assert (finding.segment_id, finding.observed, finding.direction) == ("s17", 580.0, "down")
    assert finding.effect == pytest.approx(-0.42, abs=0.02)
    assert finding.reason.startswith("Size fell 4")
    assert finding.q_value is not None
    assert finding.p_value < finding.q_value < 0.03
    assert report.quiet + len(report.verdicts) == 300


def test_control_makes_a_crowd_of_quiet_series_quieter() -> None:
    rng = np.random.default_rng(6)
    rows = np.round(200 * np.exp(0.1 * rng.standard_normal((150, 200))))
    p = MetricPanel("size", tuple(f"s{i}" for i in range(150)), START + np.arange(200), rows)

    def count(fdr: float | None) -> int:
        reports = evaluate(Panels({"size": p}), Settings(fdr=fdr), DETECTORS, date(2024, 3, 1), date(2024, 7, 18))
        return sum(len(r.findings) for r in reports)

    free, controlled = count(None), count(0.03)
    assert free > 20
    assert controlled < free / 3


def status_panel(*words: str) -> MetricPanel:
    rows = np.full((1, len(words)), 500.0)
    rows[0, [w != "ok" for w in words]] = np.nan
    reasons = np.array(
        [["" if w == "ok" else "column ltv is missing" if w == "broken" else "loaded 2 days ago" for w in words]]
    )
    return MetricPanel(
        "size", ("vip",), START + np.arange(len(words)), rows, status=np.array([words]), status_reason=reasons
    )


def findings(p: MetricPanel) -> list[tuple[str, date, str]]:
    last = p.dates[-1].item()
    reports = evaluate(Panels({"size": p}), Settings(), DETECTORS, p.dates[0].item(), last)
    return [(f.detector, f.snapshot_date, f.severity) for r in reports for f in r.findings]


def test_a_broken_rule_is_critical_on_its_day_and_names_the_column() -> None:
    p = status_panel("ok", "ok", "broken")
    assert findings(p) == [("broken_segment", date(2024, 1, 3), "critical")]
    (report,) = evaluate(Panels({"size": p}), Settings(), DETECTORS, date(2024, 1, 3), date(2024, 1, 3))
    assert report.findings[0].reason == "The rule cannot be evaluated: column ltv is missing."
    assert any(v.detector == "size_jump" and v.kind == Outcome.NO_DATA for v in report.verdicts)


def test_stale_data_grows_from_medium_to_high_on_the_third_day() -> None:
    assert [s for _, _, s in findings(status_panel("ok", "stale", "stale", "stale"))] == ["medium", "medium", "high"]


def test_segments_that_are_blind_through_one_node_are_one_finding_that_names_it() -> None:
    failed = "upstream model orders failed: no such column (skipped behind it: people)"
    reasons = np.array([["", failed]] * 2 + [["", ""]] + [["", f"{failed}; upstream source crm.people is late"]])
    status = np.array([["ok", "stale"]] * 2 + [["ok", "ok"]] + [["ok", "stale"]])
    size = MetricPanel(
        "size", ("a", "b", "c", "d"), START + np.arange(2), np.full((4, 2), 9.0), status=status, status_reason=reasons
    )
    panels = Panels({"size": size}, entities=dict.fromkeys("abcd", "shop"))
    (report,) = evaluate(panels, Settings(), DETECTORS, date(2024, 1, 2), date(2024, 1, 2))
    told = {f.attribute: f for f in report.findings}
    assert {name: (f.segment_id, f.severity, f.symptoms) for name, f in told.items()} == {
        "orders": ("", "high", ("a", "b", "d")),
        "crm.people": ("", "medium", ("d",)),
    }
    assert told["orders"].reason == f"U{failed[1:]}. Not seen: a, b, d."
    off = Settings(segments={(s, "stale_data"): Limits(enabled=False) for s in "abd"})
    (report,) = evaluate(panels, off, DETECTORS, date(2024, 1, 2), date(2024, 1, 2))
    assert report.findings == ()


def test_a_segment_too_small_to_tell_says_from_which_size_it_could() -> None:
    rng = np.random.default_rng(9)
    people = np.array([[60.0], [6000.0]]) * np.ones((2, 90))
    rate = MetricPanel(
        "conversion_rate",
        ("small", "large"),
        START + np.arange(90),
        rng.binomial(people.astype(int), 0.05).astype(float),
        people,
    )
    (report,) = evaluate(Panels({"conversion_rate": rate}), Settings(), DETECTORS, date(2024, 3, 30), date(2024, 3, 30))
    (verdict,) = report.verdicts
    assert (verdict.segment_id, verdict.kind) == ("small", Outcome.TOO_SMALL)
    assert verdict.needs == pytest.approx(700, rel=0.3)
    assert "too small to tell a change of 50 %" in verdict.reason
    assert report.quiet == 1


def test_a_report_says_of_what_it_has_no_good_snapshot_and_judges_nothing_that_has_none() -> None:
    status = np.array([["ok"] * 3, ["ok", "ok", "stale"], ["ok", "ok", ""]], dtype=object)
    value = np.array([[9.0] * 3, [9.0, 9.0, np.nan], [9.0, 9.0, np.nan]])
    size = MetricPanel("size", ("good", "late", "gone"), START + np.arange(3), value, status=status)
    panels = Panels({"size": size}, entities=dict.fromkeys(("good", "late", "gone"), "shop"))
    (report,) = evaluate(panels, Settings(), DETECTORS, date(2024, 1, 3), date(2024, 1, 3))
    assert report.blind == {("shop", "late"), ("shop", "gone")}
    # what makes a segment blind is told of its entity
    assert {v.segment_id for v in report.verdicts if v.detector != "stale_data"} == {"good", "late"}
    assert {(v.entity, v.segment_id) for v in report.verdicts if v.detector == "stale_data"} == {("shop", "")}


def test_changes_too_small_to_matter_do_not_make_others_pass() -> None:
    # 200 calm segments fall by 10 % for certain, below the threshold; one of a noisier size moves by more, hardly beyond chance
    rng = np.random.default_rng(3)
    rows = rng.poisson(1_000_000, (400, 90)).astype(float)
    rows[:200, 89] *= 0.9
    rows[399] = rng.poisson(1000 * np.exp(rng.normal(0, 0.05, 90)))
    names = tuple(f"s{i}" for i in range(400))

    def found(level: float | None, small: int) -> list[str]:
        p = MetricPanel("size", names, START + np.arange(90), np.vstack([rows[:399], rows[399:]]))
        p.numerator[399, 89] = small
        (report,) = evaluate(Panels({"size": p}), Settings(fdr=level), DETECTORS, date(2024, 3, 30), date(2024, 3, 30))
        return [f.segment_id for f in report.findings]

    weak = next(n for n in range(900, 600, -5) if found(None, n) == ["s399"])
    assert found(0.03, weak) == []
    assert found(0.03, weak - 300) == ["s399"]


def test_a_test_that_could_be_no_finding_has_a_p_value_of_one_in_its_family() -> None:
    rows = np.random.default_rng(4).poisson(10_000, (3, 90)).astype(float)
    rows[0, 89], rows[1, 89] = 9_000, 5_000
    p = MetricPanel("size", ("small", "large", "calm"), START + np.arange(90), rows)
    (a,) = find("size_jump").assess(Panels({"size": p}), Settings(), START + 89, START + 89)  # type: ignore[union-attr]
    assert a.p_value[0, 0] < 1e-3
    assert a.family(0).tolist() == [1.0, a.p_value[1, 0], 1.0]
