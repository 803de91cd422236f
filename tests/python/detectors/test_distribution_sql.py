"""The warehouse's aggregates of a distribution's baseline are those that a replay computes from the days themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pulse_runner.detect.distributions import Distributions, Exclusion
from pulse_runner.detectors import DistributionShift, Panels, Settings
from pulse_runner.detectors.engine.distribution_baseline import DistributionHistory
from pulse_runner.detectors.panel import DistributionPanel
from pulse_runner.incidents.baselines import EVER
from pulse_runner.warehouse.connection import connect

BUCKETS = ("(null)", "AT", "DE", "FR")
FIRST = np.datetime64("2026-01-01")
HOSTILE = "o'brien'); drop table pulse_segment_distributions; -- 50 % ?"
ARRAYS = ("members", "recent", "offset", "noise", "inverse_total", "weight", "days", "weekday_days")


@pytest.fixture
def warehouse(empty_schema: Path) -> Iterator[Any]:
    """Open a warehouse with an empty pulse_segment_distributions."""
    opened: Any = connect(empty_schema)
    opened._execute(
        f"create table {opened.table('pulse_segment_distributions')}"
        " (segment_id text, snapshot_date date, attribute text, bucket text, members bigint)",
        (),
    )
    yield opened
    opened.close()


def planted(days: int = 80) -> DistributionHistory:
    """Two segments of which one is recoded today."""
    rng = np.random.default_rng(3)
    members = np.stack([rng.multinomial(500 * (s + 1), [0.05, 0.15, 0.5, 0.3], days) for s in range(2)]).astype(float)
    members[0, -1] = [25, 75, 80, 320]  # 170 members of DE are FR today
    return made("country", ("big", "small"), members)


def random_history(seed: int, attribute: str, segments: tuple[str, ...], days: int = 75) -> DistributionHistory:
    """Sizes from 1 to thousands, days without a snapshot, buckets that come and go."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(0, 8, len(segments)))[:, None] * rng.uniform(0.7, 1.3, (len(segments), days))
    shares = rng.dirichlet(np.ones(len(BUCKETS)), len(segments))
    members = np.stack(
        [
            [rng.multinomial(int(n) + 1, share) for n in row]
            for row, share in zip(sizes, shares, strict=True)
        ]
    ).astype(float)  # fmt: skip
    members[:, : days - 30, 1] = 0  # AT is new
    members[1, days - 2 :, 2] = 0  # DE vanished from one segment
    members[:, 10:, 0] = 0  # and (null) from all, longer ago than any baseline looks back
    members[2, : days - 9] = 0  # a segment that is nine days old
    members[rng.random(members.shape[:2]) < 0.15] = 0
    members[3, -1] = 0  # nothing today
    return made(attribute, segments, members)


def made(attribute: str, segments: tuple[str, ...], members: np.ndarray[Any, Any]) -> DistributionHistory:
    return DistributionHistory(
        attribute, segments, BUCKETS, FIRST + np.arange(members.shape[1]), members, members.sum(2) > 0
    )


def load(warehouse: Any, *histories: DistributionHistory) -> None:
    rows = [
        {"segment_id": segment, "snapshot_date": h.dates[t].item(), "attribute": h.attribute, "bucket": bucket,
         "members": int(h.members[s, t, k])}
        for h in histories
        for s, segment in enumerate(h.segment_ids)
        for t in range(len(h.dates))
        for k, bucket in enumerate(BUCKETS)
        if h.members[s, t, k]  # an empty bucket has no row, as in the snapshot
    ]  # fmt: skip
    warehouse.replace("pulse_segment_distributions", ("segment_id", "snapshot_date", "attribute", "bucket"), rows)


def assert_same(ours: DistributionPanel, theirs: DistributionPanel) -> None:
    assert (theirs.attribute, theirs.date, theirs.segment_ids) == (ours.attribute, ours.date, ours.segment_ids)
    assert theirs.buckets == ours.buckets
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), rtol=1e-9, atol=1e-9, err_msg=name)


def distribution_panels(
    warehouse: Any, day: date, watched: dict[str, tuple[str, ...]], exclusions: list[Exclusion]
) -> dict[str, DistributionPanel]:
    """Return the panels of a date that is asked for alone."""
    return Distributions(warehouse, watched, day).panels(day, exclusions)


def test_dates_read_ahead_are_what_each_is_alone_also_where_other_days_are_left_out_by_then(warehouse: Any) -> None:
    segments = ("a", "b", "new", "gone today")
    histories = [random_history(n, attribute, segments) for n, attribute in enumerate(("country", "plan"))]
    load(warehouse, *histories)
    watched = {h.attribute: segments for h in histories}
    days = [d.item() for d in histories[0].dates[40:]]
    asked: list[str] = []
    frame = warehouse.frame
    warehouse.frame = lambda *a: asked.append(a[0]) or frame(*a)
    ahead = Distributions(warehouse, watched, days[-1])
    for day in days:
        # an incident that opens on one of the dates, goes on, and is left out up to the day before
        known: list[Exclusion] = [("a", "country", days[10], day - timedelta(days=1))] if day > days[10] else []
        left_out = [("b", "plan", date(2026, 1, 20), date(2026, 1, 22)), *known]
        found = ahead.panels(day, left_out)
        alone = distribution_panels(warehouse, day, watched, left_out)
        assert list(found) == list(alone)
        for attribute, panel in found.items():
            for field in fields(panel):
                np.testing.assert_array_equal(getattr(panel, field.name), getattr(alone[attribute], field.name))
    warehouse.frame = frame
    if warehouse.dialect == "duckdb":  # the others ask for each date
        assert len(asked) - len(days) < len(days) / 2


def test_the_warehouse_gives_the_panel_that_a_replay_computes_from_the_days(warehouse: Any) -> None:
    segments = ("a", "b", "new", "gone today", HOSTILE)
    histories = [random_history(n, attribute, segments) for n, attribute in enumerate(("country", "pl'an ?"))]
    load(warehouse, *histories)
    exclusions = [
        ("a", "country", date(2026, 2, 1), date(2026, 2, 9)),
        ("a", "country", date(2026, 2, 5), date(2026, 2, 20)),  # overlaps, and must not count twice
        ("b", "country", EVER, date(2026, 2, 14)),  # a level accepted as the new normal
        (HOSTILE, "pl'an ?", date(2026, 2, 24), date(2026, 3, 31)),
        ("unknown", "country", date(2026, 1, 1), date(2026, 3, 31)),
    ]
    for t in (2, 20, 45, 74):
        day = FIRST + t
        panels = distribution_panels(warehouse, day.item(), {h.attribute: segments for h in histories}, exclusions)
        assert list(panels) == ["country", "pl'an ?"]
        for h in histories:
            learnable = np.ones(h.usable.shape, bool)
            for segment, attribute, start, stop in exclusions:
                if attribute == h.attribute and segment in segments:
                    inside = (h.dates >= np.datetime64(start)) & (h.dates <= np.datetime64(stop))
                    learnable[segments.index(segment), inside] = False
            assert_same(h.panel(t, learnable), panels[h.attribute])
    assert "(null)" not in panels["country"].buckets
    assert np.isnan(panels["country"].members[3, :, -1]).all()
    assert panels["country"].days[2] < 6


def test_an_accepted_level_starts_the_baseline_anew_in_both_forms(warehouse: Any) -> None:
    h = random_history(7, "country", ("a", "b", "c", "d"))
    load(warehouse, h)
    exclusions = [("b", "country", EVER, date(2026, 2, 19))]
    panel = distribution_panels(warehouse, h.dates[-1].item(), {"country": h.segment_ids}, exclusions)["country"]
    begun = int((np.datetime64("2026-02-20") - FIRST).astype(int))
    assert_same(h.panel(len(h.dates) - 1, np.ones(h.usable.shape, bool), np.array([0, begun, 0, 0])), panel)
    assert 0 < panel.days[1] <= 75 - 4 - begun


def test_an_attribute_declared_last_week_has_a_week_of_history(warehouse: Any) -> None:
    old = planted()
    young = made("plan", old.segment_ids, np.where(np.arange(80)[None, :, None] < 69, 0.0, old.members))
    load(warehouse, old, young)
    panels = distribution_panels(
        warehouse, old.dates[-1].item(), {"country": ("big",), "plan": ("big", "never seen")}, []
    )
    assert panels["country"].segment_ids == ("big",)
    assert panels["country"].days.tolist() == [56]
    assert panels["plan"].days.tolist() == [7, 0]
    assert panels["plan"].recent[0].sum() == pytest.approx(1.0)
    assert np.isnan(panels["plan"].members[1]).all()


def test_a_recoded_country_is_found_from_the_aggregates_alone(warehouse: Any) -> None:
    h = planted()
    load(warehouse, h)
    panels = distribution_panels(warehouse, h.dates[-1].item(), {"country": h.segment_ids}, [])
    (result,) = DistributionShift().assess(Panels(distributions=panels), Settings(), h.dates[-1], h.dates[-1])
    assert result.eligible[:, 0].tolist() == [True, False]
    assert result.effect[0, 0] == pytest.approx(0.34, abs=0.03)
    assert result.bucket(0, 0) in ("DE", "FR")


def test_a_warehouse_without_distributions_gives_no_panel(warehouse: Any) -> None:
    assert distribution_panels(warehouse, date(2026, 3, 1), {"country": ("a",)}, []) == {}
