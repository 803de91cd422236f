"""What a segment can see, against falls that are planted by hand into other days."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pulse_runner.backtest.plant import Fault, found_share
from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import replay
from pulse_runner.backtest.report import sensitivity_table
from pulse_runner.backtest.sight import KINDS, Sight, sight_sentences, sights
from pulse_runner.cli import cli
from pulse_runner.detectors import DETECTORS, Limits, MetricPanel, Panels, Settings
from pulse_runner.vocabulary import SENSITIVITIES

START, DAYS = np.datetime64("2024-01-01"), 300


def panel(noise: float, size: float = 5000.0, days: int = DAYS, seed: int = 1, name: str = "vip") -> MetricPanel:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(size * np.exp(rng.normal(0, noise, days))).astype(float)
    return MetricPanel("size", (name,), START + np.arange(days), counts[None])


def seen(p: MetricPanel, settings: Settings | None = None) -> Sight:
    (one,) = sights(Panels({p.metric: p}), settings or Settings())
    return one


def test_a_calm_segment_sees_smaller_falls_than_a_wild_one() -> None:
    calm, wild = seen(panel(0.02)).smallest, seen(panel(0.20)).smallest
    assert calm[0] is not None
    assert wild[0] is not None
    assert calm[0] <= 0.2 < 0.3 <= wild[0]
    assert all(a is not None and b is not None and a <= b for a, b in zip(calm[:2], wild[:2], strict=True))


@pytest.mark.parametrize("noise", [0.03, pytest.param(0.10, marks=pytest.mark.matrix)])
def test_what_is_said_to_be_seen_is_found_on_days_that_were_not_tried(noise: float) -> None:
    (told,) = {seen(panel(noise)).smallest[0]}
    assert told is not None
    found = {True: 0, False: 0}
    for is_told, share in ((True, told), (False, told / 3)):
        for t in range(151, 291, 4):
            p = panel(noise)
            p.numerator[0, t] = round(p.numerator[0, t] * (1 - share))
            result = replay(Recording({"size": p}), Settings(), DETECTORS, None, p.dates[t].item())
            found[is_told] += any(
                i.detected_on == p.dates[t].item() and i.direction == "down" for i in result.incidents
            )
    assert found[True] >= 25, "of 35"
    assert found[False] <= 10


def test_the_threshold_of_the_segment_bounds_what_it_sees() -> None:
    own = Settings(segments={("vip", "size_jump"): Limits(0.5)})
    assert seen(panel(0.02)).smallest[0] in (0.15, 0.2)
    assert seen(panel(0.02), own).smallest[0] == 0.6
    assert sights(Panels({"size": panel(0.02)}), Settings(segments={("vip", "size_jump"): Limits(enabled=False)})) == []


def test_a_segment_without_history_says_how_much_it_needs() -> None:
    short = seen(panel(0.02, days=50))
    assert short.smallest == ()
    assert short.sentence() == "Size: needs at least 58 days of history to say what it can see."
    assert sight_sentences([short]) == []


def test_inactivity_sees_rises_and_small_segments_see_nothing() -> None:
    rng = np.random.default_rng(2)
    inactive = rng.binomial(10_000, 0.2, (1, DAYS)).astype(float)
    many = MetricPanel("inactive_rate", ("vip",), START + np.arange(DAYS), inactive, np.full((1, DAYS), 10_000.0))
    told = seen(many)
    assert told.rises
    assert told.sentence().startswith("Inactive rate: finds a rise of 40 % on one day")
    few = MetricPanel(
        "conversion_rate",
        ("vip",),
        START + np.arange(DAYS),
        rng.binomial(40, 0.02, (1, DAYS)).astype(float),
        np.full((1, DAYS), 40.0),
    )
    assert seen(few).smallest == (None, None, None)
    assert seen(few).sentence() == "Conversion rate: no fall on one day or over three days or as a creep over 30 days."


def test_a_creep_reaches_its_share_on_its_last_day() -> None:
    assert Fault(4, 0.4, creeps=True).shape() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert Fault(3, 0.4).shape() == pytest.approx([0.4] * 3)
    assert [days for _, days, _ in KINDS] == [1, 3, 30]


def test_false_discovery_control_over_many_tests_needs_larger_falls() -> None:
    p = panel(0.06)
    one, many = (found_share(p, Settings(), [Fault(1, 0.25)], [0], tests)[0, 0] for tests in (1, 10_000_000_000))
    assert one > many


def test_the_table_over_sensitivities_says_what_each_costs_and_finds() -> None:
    rng = np.random.default_rng(9)
    counts = rng.poisson(800 * np.exp(0.07 * rng.standard_t(4, (12, DAYS)))).astype(float)
    many = MetricPanel("size", tuple(f"s{n}" for n in range(12)), START + np.arange(DAYS), counts)
    settings = Settings({"size_jump": Limits(0.05)}, fdr=None)
    table = sensitivity_table(replay(Recording({"size": many}), settings, DETECTORS), settings)
    assert [row["false_alarms_a_year"] for row in table] == sorted(SENSITIVITIES.values())
    cost = [row["incidents_a_year"] for row in table]
    assert cost[0] < cost[1] < cost[2]
    assert [row["in_use"] for row in table] == [False, True, False]
    found = [float(str(row["found"]).rstrip("%")) for row in table]
    assert max(found) >= 80
    assert found[1] >= 50


def test_the_command_shows_both_and_takes_a_sensitivity(tmp_path: Path) -> None:
    p = replace(panel(0.03))
    frame = pd.DataFrame(
        {
            "segment_id": "vip",
            "snapshot_date": p.dates,
            "metric": "size",
            "numerator": p.numerator[0],
            "denominator": None,
        }
    )
    frame.to_csv(tmp_path / "m.csv", index=False)
    call = ["--project-dir", str(tmp_path), "backtest", "--input", str(tmp_path / "m.csv")]
    shown = CliRunner().invoke(cli, [*call, "--sensitivity", "size_jump=low"]).output
    costs = shown.split("What each sensitivity would have cost and found")[1]
    assert [line.split()[-1] for line in costs.splitlines() if line.startswith("size_jump")] == ["yes", "no", "no"]
    can_see = shown.split("What each segment can see")[1]
    assert [line.split()[0] for line in can_see.splitlines() if "vip" in line] == ["vip"]
    for wrong in ("size_jump=loud", "size_jump=0", "size_jmp=low"):
        refused = CliRunner().invoke(cli, [*call, "--sensitivity", wrong])
        assert refused.exit_code == 2
