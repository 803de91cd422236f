"""A day on which the relation as a whole had few events is one incident of the relation; small segments follow the others."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import Replay, replay
from pulse_runner.detectors import DETECTORS, EntityPanel, MetricPanel, Outcome, Panels, Settings, evaluate
from pulse_runner.detectors.pooling import pool

START = np.datetime64("2024-01-01")
DAYS = 200
SEGMENTS = tuple(f"s{n}" for n in range(6))
ENTITY = dict.fromkeys(SEGMENTS, "shop")


def world(seed: int = 1, rates: float = 0.03, members: float = 800.0) -> np.ndarray:
    """Return the conversions of six segments whose days share most of what moves them."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 0.15, DAYS)
    return rng.poisson(members * rates * np.exp(common), (6, DAYS)).astype(float)


def recording(converted: np.ndarray, members: float = 800.0, entity: dict[str, str] | None = None) -> Recording:
    days = START + np.arange(converted.shape[1])
    eligible = np.full(converted.shape, members)
    panels = {
        "converted": MetricPanel("converted", SEGMENTS, days, converted),
        "conversion_rate": MetricPanel("conversion_rate", SEGMENTS, days, converted, eligible),
    }
    return Recording(metrics=panels, entities=ENTITY if entity is None else entity)


def judged(converted: np.ndarray, members: float = 800.0) -> Replay:
    return replay(recording(converted, members), Settings(), DETECTORS)


def late(replayed: Replay, day: int) -> list[tuple[str, str, date]]:
    return [
        (i.segment_id, i.metric, i.detected_on) for i in replayed.incidents if i.detected_on >= (START + day).item()
    ]


def test_a_closed_day_is_one_incident_of_the_relation_and_none_of_its_segments() -> None:
    converted = world()
    converted[:, 150] = 0
    found = judged(converted)
    assert late(found, 150) == [("", "converted", date(2024, 5, 30))]
    (incident,) = [i for i in found.incidents if i.detected_on >= date(2024, 5, 30)]
    assert (incident.entity, incident.status) == ("shop", "resolved")
    assert incident.reason.startswith("Members converted on 2024-05-30: 0 over the 6 segments of shop, ")
    assert incident.reason.endswith("it was closed, or events were lost. The day does not count for its segments.")


def test_without_an_entity_the_segments_are_strangers_and_each_has_its_own_incident() -> None:
    converted = world()
    converted[:, 150] = 0
    found = replay(recording(converted, entity={}), Settings(), DETECTORS)
    assert len({segment for segment, _, _ in late(found, 150)}) >= 5


def test_a_closed_day_teaches_nobody() -> None:
    converted = world()
    closed = converted.copy()
    closed[:, 100:110] = 0
    for values in (converted, closed):
        recorded = recording(values)
        panels = Panels(recorded.metrics, entities=ENTITY)
        (report,) = evaluate(panels, Settings(), DETECTORS, date(2024, 4, 20), date(2024, 4, 20), every_verdict=True)
        mine = [v for v in report.verdicts if v.metric == "conversion_rate" and v.segment_id == "s1"]
        (said,) = [v.reason.split("; ")[0].split(", ")[1].split()[0] for v in mine]
        assert 2.4 <= float(said) <= 3.6, "the expectation after the closed days is that of before"
    days = evaluate(panels, Settings(), DETECTORS, date(2024, 4, 12), date(2024, 4, 12))
    reasons = {v.reason for v in days[0].verdicts if v.segment_id == "s1" and v.kind == Outcome.MUTED}
    assert "Conversion rate is not judged on 2024-04-12: shop as a whole had few events or rows." in reasons


def test_the_largest_segment_alone_is_a_fault_of_that_segment() -> None:
    converted = world()
    converted[0] *= 20
    converted[0, 150:] = 0
    found = judged(converted, members=20_000.0)
    assert {segment for segment, _, _ in late(found, 150)} >= {"s0"}
    assert ("", "converted") not in {(segment, metric) for segment, metric, _ in late(found, 150)}


def test_a_fall_of_one_small_segment_is_still_found() -> None:
    found = 0
    for seed in range(10):
        converted = world(seed)
        converted[2, 150:154] = np.random.default_rng(seed).binomial(converted[2, 150:154].astype(int), 0.3)
        found += any(s == "s2" for s, _, d in late(judged(converted), 150) if d <= date(2024, 6, 2))
    assert found >= 9


def test_a_slow_day_of_everybody_is_no_incident_of_small_segments() -> None:
    alone, pooled = 0, 0
    for seed in range(5):
        converted = world(seed)
        converted[:, 150:153] = np.random.default_rng(seed).binomial(converted[:, 150:153].astype(int), 0.6)
        pooled += sum(s != "" for s, _, _ in late(judged(converted), 150))
        other = replay(recording(converted, entity={}), Settings(), DETECTORS)
        alone += len(late(other, 150))
    assert alone >= 5
    assert pooled <= alone / 4


def test_what_falls_everywhere_and_stays_is_told_of_the_relation() -> None:
    converted = world()
    converted[:, 150:] = np.random.default_rng(8).binomial(converted[:, 150:].astype(int), 0.6)
    found = late(judged(converted), 150)
    assert ("", "conversion_rate") in {(segment, metric) for segment, metric, _ in found}
    assert len(found) <= 3


def test_pooling_uses_no_later_day_and_leaves_strangers_alone() -> None:
    rates = recording(world()).metrics["conversion_rate"]
    whole, half = pool(rates, ENTITY).panel.denominator, pool(rates.head(120), ENTITY).panel.denominator
    assert whole is not None
    assert half is not None
    np.testing.assert_array_equal(whole[:, :120], half)
    assert not np.array_equal(whole, rates.denominator)
    np.testing.assert_array_equal(pool(rates, {}).panel.denominator, rates.denominator)


def test_a_segment_with_counts_enough_follows_the_others_less() -> None:
    small = world()
    large = small.copy()
    large[0] = np.round(np.random.default_rng(4).poisson(2000, DAYS))
    moved = []
    for counts, members in ((small, 800.0), (large, 80_000.0)):
        p = pool(recording(counts, members).metrics["conversion_rate"], ENTITY)
        assert p.panel.denominator is not None
        moved.append(np.abs(np.log(p.panel.denominator[0, 60:] / p.members[0, 60:])).mean())
    assert moved[1] < moved[0] / 4


def test_a_day_with_less_than_half_of_the_rows_is_one_incident_of_the_relation() -> None:
    rng = np.random.default_rng(9)
    days = START + np.arange(120)
    rows = rng.poisson(10_000, (1, 120)).astype(float)
    sizes = rng.poisson(500, (6, 120)).astype(float)
    rows[0, 100], sizes[:, 100] = 2_500, np.round(sizes[:, 100] / 4)
    words = np.full((1, 120), "ok", dtype=object)
    nothing = np.full((1, 120), np.nan)
    health = EntityPanel((("shop", "(rows)"),), days, rows, nothing, nothing, np.full((1, 120), "", object), words)
    history = Recording({"size": MetricPanel("size", SEGMENTS, days, sizes)}, entities=ENTITY, health=health)
    told = late(replay(history, Settings(), DETECTORS), 100)
    assert [t for t in told if t[2] < date(2024, 4, 17)] == [("", "rows", date(2024, 4, 10))]  # a later one is chance
    (report,) = evaluate(
        Panels(history.metrics, health=health, entities=ENTITY),
        Settings(),
        DETECTORS,
        date(2024, 4, 11),
        date(2024, 4, 11),
    )
    assert report.findings == ()


@pytest.mark.parametrize("closed", [(5,), (5, 6)], ids=["Saturdays", "weekends"])
def test_a_shop_that_closes_on_a_weekday_is_told_three_times_and_then_known_to_its_segments_too(
    closed: tuple[int, ...],
) -> None:
    converted = world()
    day = np.arange(DAYS)
    converted[:, np.isin(day % 7, closed) & (day >= 100)] = 0
    told = late(judged(converted), 100)
    assert told == [("", "converted", date(2024, 4, 13) + timedelta(days=7 * n)) for n in range(3)]
