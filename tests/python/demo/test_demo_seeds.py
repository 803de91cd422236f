"""The demo shop as data: deterministic, small, and with exactly the faults that are written down."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from generate import as_csv, tables
from plan import FAULTS
from shop_oracle import Shop, members, metrics

DEMO = Path(__file__).parents[3] / "demo"
SEEDS = DEMO / "seeds"


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return {name: as_csv(table) for name, table in tables().items()}


@pytest.mark.parametrize("name", ["demo_customers", "demo_orders", "demo_faults"])
def test_the_committed_seed_is_what_the_generator_makes(name: str, generated: dict[str, str]) -> None:
    committed, made = (SEEDS / f"{name}.csv").read_text(encoding="utf-8").splitlines(), generated[name].splitlines()
    assert len(committed) == len(made)
    # line by line: the difference of two texts of a megabyte takes pytest half an hour to word
    assert [pair for pair in zip(committed, made, strict=True) if pair[0] != pair[1]][:3] == []


def test_the_seeds_stay_under_three_megabytes() -> None:
    assert sum(p.stat().st_size for p in SEEDS.glob("*.csv")) < 3_000_000


def test_the_seeds_hold_nothing_that_looks_like_a_person() -> None:
    header = next(csv.reader(io.StringIO((SEEDS / "demo_customers.csv").read_text(encoding="utf-8"))))
    assert not {"name", "email", "phone", "address"} & set(header)
    assert "@" not in (SEEDS / "demo_customers.csv").read_text(encoding="utf-8")


def test_the_shop_is_of_the_promised_size(shop: Shop) -> None:
    assert (len(shop.customers), len(shop.days)) == (6000, 92)
    assert (shop.days[0], shop.days[-1]) == (date(2026, 3, 1), date(2026, 5, 31))
    assert (int(shop.there[:, 0].sum()), int(shop.there[:, -1].sum())) == (5335, 6000)


def test_the_renamed_column_takes_42_percent_off_the_headline_segment_in_a_day(shop: Shop) -> None:
    size = members(shop)["high_value_active_users"].sum(axis=0)
    at = shop.days.index(date(2026, 5, 30))
    assert (size[at - 1], size[at]) == (1414, 823)
    assert round(size[at] / size[at - 1] - 1, 2) == -0.42


def test_the_renamed_column_is_empty_for_a_tenth_of_all_customers_and_for_nobody_before(shop: Shop) -> None:
    nulls = np.isnan(shop.ltv).sum(axis=0)
    at = shop.days.index(date(2026, 5, 30))
    assert nulls[:at].max() == 0
    assert nulls[at:].tolist() == [597, 597]


def test_no_tablet_order_arrives_in_the_week_of_the_broken_release(shop: Shop) -> None:
    bought = (shop.days_since_order == 0) & (shop.customers["device"] == "tablet").to_numpy()[:, None]
    per_day = bought.sum(axis=0)
    lost = slice(shop.days.index(date(2026, 4, 20)), shop.days.index(date(2026, 4, 26)) + 1)
    assert per_day[lost].tolist() == [0] * 7
    assert np.delete(per_day, np.r_[lost]).min() > 5


def test_the_recoded_country_moves_nobody_but_partner_customers(shop: Shop) -> None:
    moved = (shop.country == "UK").sum(axis=0)
    at = shop.days.index(date(2026, 5, 19))
    partner = (shop.customers["channel"] == "partner").to_numpy()
    assert moved[at - 1] == 0
    assert moved[at] == 190
    assert not (shop.country[~partner] == "UK").any()


def test_the_students_drift_away_over_three_weeks_and_nobody_else_does(shop: Shop) -> None:
    m = metrics(shop)
    rates = m[m["metric"] == "inactive_rate"].set_index(["segment_id", "snapshot_date"])
    share = rates["numerator"] / rates["denominator"]

    def rise(segment: str) -> float:
        return float(share[segment, date(2026, 5, 21)] / share[segment, date(2026, 4, 30)] - 1)

    assert rise("students") > 0.6
    others = ["german_newsletter", "partner_customers", "tablet_shoppers", "paying_plans"]
    assert max(abs(rise(s)) for s in others) < 0.2


def test_weekends_are_quieter_and_the_campaign_sells_without_bringing_more_people(shop: Shop) -> None:
    visits = (shop.days_since_visit == 0).sum(axis=0).astype(float)
    weekend = np.array([d.weekday() >= 5 for d in shop.days])
    assert 0.6 < visits[weekend].mean() / visits[~weekend].mean() < 0.8
    orders = (shop.days_since_order == 0).sum(axis=0)
    campaign = [shop.days.index(date(2026, 4, d)) for d in (7, 8, 9)]
    before = [i - 7 for i in campaign]
    assert orders[campaign].sum() / orders[before].sum() > 1.5
    assert visits[campaign].sum() / visits[before].sum() < 1.15


def test_every_planted_fault_has_its_dates_inside_the_demo() -> None:
    assert [f.name for f in FAULTS] == [
        "ltv_renamed",
        "country_recoded",
        "tablet_orders_lost",
        "students_drift",
        "mail_rejected",
    ]
    assert all(date(2026, 4, 1) <= f.starts_on <= f.ends_on <= date(2026, 5, 31) for f in FAULTS)
