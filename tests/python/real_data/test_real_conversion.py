"""The detectors on a real shop's conversions: closed days are the relation's, and five segments do not each tell what all of them did.

The orders are not part of the project: PULSE_REAL_ORDERS names the parquet file, or it lies in ../shared/data beside the checkout.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import Replay, replay
from pulse_runner.detectors import DETECTORS, MetricPanel, Settings
from pulse_runner.known_events.calendar import holidays_of
from pulse_runner.known_events.event import KnownEvent

ROOT = Path(__file__).parents[3]
ORDERS = Path(
    os.environ.get("PULSE_REAL_ORDERS") or ROOT.parent / "shared" / "data" / "online_retail_transactions.parquet"
)
START, STOP = np.datetime64("2009-12-01"), np.datetime64("2010-12-10")
FIRST = 90  # days from which the segments' windows are full

pytestmark = pytest.mark.skipif(
    not ORDERS.is_file(), reason="the real orders are not here; name the parquet file in PULSE_REAL_ORDERS"
)


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Count members, those who could convert and those who did, of four segments, on (customers, days) arrays."""
    lines = pd.read_parquet(ORDERS).dropna(subset=["customer_id"])
    bought = lines[~lines["is_cancel"] & (lines["quantity"] > 0) & (lines["unit_price"] > 0)]
    customers = np.unique(bought["customer_id"])
    days = np.arange(START, STOP)
    orders, spent = np.zeros((2, len(customers), len(days)))
    who = np.searchsorted(customers, bought["customer_id"])
    when = (bought["invoice_ts"].to_numpy("datetime64[D]") - START).astype(int)
    orders[who, when] = 1
    np.add.at(spent, (who, when), bought["quantity"] * bought["unit_price"])
    at = np.arange(len(days))
    recency = at - np.maximum.accumulate(np.where(orders > 0, at, -100_000), axis=1)
    age = at - orders.argmax(1)[:, None]
    inside = {
        "valuable_recent": (np.cumsum(spent, 1) > 1000) & (recency <= 7),
        "recent": recency <= 30,
        "new_buyers": (age >= 0) & (age <= 30),
        "regulars": (np.cumsum(orders, 1) >= 3) & (recency <= 120),
    }
    before = {name: np.concatenate([np.zeros((len(w), 1), bool), w[:, :-1]], 1) for name, w in inside.items()}

    def panel(metric: str, counts: list[np.ndarray], of: list[np.ndarray] | None = None) -> MetricPanel:
        whole = None if of is None else np.array(of, float)[:, FIRST:]
        return MetricPanel(metric, tuple(inside), days[FIRST:], np.array(counts, float)[:, FIRST:], whole)

    converted = [(w & (orders > 0)).sum(0) for w in before.values()]
    eligible = [w.sum(0) for w in before.values()]
    panels = {
        "converted": panel("converted", converted),
        "conversion_rate": panel("conversion_rate", converted, eligible),
    }
    holidays = holidays_of("GB", date(2009, 12, 1), date(2010, 12, 31), "ENG")
    events = [KnownEvent(h.starts_on, h.ends_on, "all", "", h.reason) for h in holidays]
    return Recording(panels, entities=dict.fromkeys(inside, "buyers")).without(events)


@pytest.fixture(scope="module")
def replayed(recording: Recording) -> Replay:
    return replay(recording, Settings(), DETECTORS)


def test_the_sunday_of_easter_on_which_the_shop_was_closed_is_one_incident_of_the_relation(replayed: Replay) -> None:
    easter = date(2010, 4, 4)
    there = [i for i in replayed.incidents if i.started_on <= easter <= i.last_seen_on]
    told = [(i.entity, i.segment_id) for i in there if any(k[3] == "converted" for k in i.keys)]
    assert told == [("buyers", "")]
    assert [i for i in replayed.incidents if i.segment_id and i.started_on == easter] == []
    alone = replay(Recording(replayed.panels.metrics), Settings(), DETECTORS)
    assert len([i for i in alone.incidents if i.started_on == easter]) >= 2, "without the entity each tells it"


def test_what_all_segments_do_is_told_once_and_what_few_people_do_is_not_critical(replayed: Replay) -> None:
    settled = date(2010, 4, 15)
    of_segments = [i for i in replayed.incidents if i.segment_id and i.detected_on >= settled]
    alone = replay(Recording(replayed.panels.metrics), Settings(), DETECTORS)
    assert len(of_segments) < len([i for i in alone.incidents if i.detected_on >= settled])
    assert len(of_segments) <= 2
    assert [i for i in of_segments if i.severity == "critical"] == []


def test_a_loss_of_conversions_in_one_segment_is_found_in_most_of_its_days(recording: Recording) -> None:
    rng = np.random.default_rng(11)
    rates = recording.metrics["conversion_rate"]
    usual = rates.numerator[1]
    days = [t for t in range(120, len(usual) - 20, 15) if usual[t : t + 3].sum() >= 30]
    found = 0
    for t in days:
        counts = rates.numerator.copy()
        counts[1, t : t + 5] = rng.binomial(counts[1, t : t + 5].astype(int), 0.1)
        changed = {
            "converted": MetricPanel("converted", rates.segment_ids, rates.dates, counts, None, rates.excluded),
            "conversion_rate": MetricPanel("conversion_rate", rates.segment_ids, rates.dates, counts, rates.denominator, rates.excluded),
        }  # fmt: skip
        begun = rates.dates[t].item()
        result = replay(
            Recording(changed, entities=recording.entities), Settings(), DETECTORS, None, rates.dates[t + 6].item()
        )
        found += any(
            i.segment_id == "recent" and i.direction == "down" and 0 <= (i.detected_on - begun).days <= 5
            for i in result.incidents
        )
    assert found >= 0.7 * len(days)
