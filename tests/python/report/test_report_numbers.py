"""What a report says in numbers: parts of few people are hidden, causes add up, changes are against the right day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from pulse_runner.detect.bands import Band
from pulse_runner.report.charts import stack, steps
from pulse_runner.report.contents import Cause, SegmentFacts, Series
from pulse_runner.report.drawing import chart_svg, sparkline
from pulse_runner.report.read import causes_of, mixes_of
from pulse_runner.report.series import series_of

FIRST = date(2026, 5, 1)


def change(day: int, direction: str, cause: str, detail: str, members: int) -> dict[str, object]:
    return {
        "snapshot_date": FIRST + timedelta(days=day), "direction": direction, "cause": cause, "detail": detail, "members": members,
    }  # fmt: skip


def test_causes_of_few_people_are_hidden_and_what_is_left_over_does_not_give_them_away() -> None:
    rows = [
        change(0, "lost", "leaf", "ltv > 1", 578),
        change(0, "lost", "aged", "", 2),
        change(1, "lost", "aged", "", 9),
    ]
    by_ltv, aged = causes_of(rows, FIRST, FIRST + timedelta(days=1), 5)
    assert (by_ltv.words, by_ltv.members) == ("Left by ltv > 1", (">570", 0))
    assert (aged.words, aged.members) == ("Left by ageing", ("<5", 9))


def test_buckets_of_few_people_are_hidden_and_the_others_move_in_points() -> None:
    rows = [
        {"snapshot_date": FIRST + timedelta(days=d), "attribute": "plan", "bucket": b, "members": n}
        for d, b, n in ((0, "free", 600), (0, "pro", 400), (28, "free", 500), (28, "pro", 497), (28, "trial", 3))
    ]
    (mix,) = mixes_of(rows, 5)
    assert [(b.name, b.then, b.now) for b in mix.buckets] == [
        ("free", 600, ">490"),
        ("pro", 400, 497),
        ("trial", 0, "<5"),
    ]
    assert [b.moved if b.moved is None else round(b.moved, 4) for b in mix.buckets] == [-0.11, 0.097, None]


def band(part: list[float], whole: list[float]) -> Band:
    days = np.datetime64(FIRST) + np.arange(len(part))
    low = np.full((1, len(part)), 0.1)
    return Band(
        "conversion_rate", "conversion_anomaly", ("vip",), days, np.array([part]), np.array([whole]), low, low, low * 2, np.array([0.25]),
        ("Conversion rate is well.",),
    )  # fmt: skip


def test_a_rate_of_few_people_is_a_bound_and_no_point_of_a_line() -> None:
    series = series_of(band([50, 30, 2], [200, 200, 100]), "vip", 5)
    assert series.values == (0.25, 0.15, None)
    assert series.shown == "< 5.0 %"
    assert series.expected == "10.0 % to 20.0 %"


def segment(sizes: tuple[float | None, ...]) -> SegmentFacts:
    return SegmentFacts(
        "vip", "VIP", "", "customers", "me", "", "", (), (), "ok", "", None, Series("size", "Size", False, sizes), (), (), (), (), (), (), (),
        (),
    )  # fmt: skip


def test_changes_are_against_yesterday_and_against_the_same_weekday() -> None:
    facts = segment((100, 1, 1, 1, 1, 1, 50, 75))
    assert (facts.change(1), facts.change(7)) == (0.5, -0.25)
    assert segment((None, 75)).change(1) is None
    assert segment((0, 75)).change(1) is None
    assert segment((75,)).change(1) is None


def test_bars_stand_for_what_may_be_told_and_the_net_is_the_change_of_the_size() -> None:
    causes = [Cause("gained", "row_new", "Came with new rows", (0, "<5", ">40"))]
    chart = stack(causes, (100, 102, 145))
    assert chart["bars"] == [["gained", "row_new", "Came with new rows", [1, 0, None, 40]]]
    assert chart["net"] == [1, None, 2, 41]


def test_further_causes_are_one_bar() -> None:
    causes = [Cause("lost", "leaf", f"Left by c{n}", (10 + n,)) for n in range(8)]
    bars = stack(causes, (1,))["bars"]
    assert [b[2] for b in bars][-1] == "3 further causes"
    assert bars[-1][3] == [1, 15 + 16 + 17]


def unpacked(packed: list[float | int | None]) -> list[float | None]:
    scale, at, out = packed[0], 0.0, list[float | None]()
    assert scale is not None
    for step in packed[1:]:
        at += step or 0
        out.append(None if step is None else at / scale)
    return out


def test_a_series_comes_out_of_its_steps_as_it_went_in() -> None:
    rng = np.random.default_rng(3)
    for values in (rng.integers(0, 10**7, 50).tolist(), rng.random(50).round(4).tolist(), [None, 3, None, None, 8.5]):
        assert unpacked(steps(values)) == values


def test_a_gap_of_a_series_is_a_gap_of_its_line_and_an_empty_one_is_no_picture() -> None:
    text = sparkline(Series("size", "Size", False, (1, 2, None, 4, 5)))
    assert text.count("M") == 3  # two pieces of line and the dot
    assert sparkline(Series("size", "Size", False, (None, None))) == ""


def test_a_picture_for_slides_escapes_its_texts() -> None:
    series = Series("size", "Size", False, (10, 20, 15), (9, 9, 9), (22, 22, 22))
    text = chart_svg("<script>", "a & b", series, FIRST, [(FIRST, FIRST, "<img>")])
    assert "<script>" not in text
    assert "<img>" not in text
    assert "a &amp; b" in text
