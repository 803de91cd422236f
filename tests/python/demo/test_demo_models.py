"""The demo's dbt models and Pulse's tables, against the oracle that reads the seeds without any SQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd
import pytest
from plain_dbt import FIRST as FIRST_DAY
from plain_dbt import LAST as LAST_DAY
from plain_dbt import Built
from shop_oracle import ATTRIBUTES, Shop, distributions, members, metrics

from pulse_runner.warehouse.base import Warehouse

FIRST, LAST = date.fromisoformat(FIRST_DAY), date.fromisoformat(LAST_DAY)


@pytest.fixture(scope="module")
def warehouse(built: Built) -> Iterator[Warehouse]:
    opened = built.open()
    yield opened
    opened.close()


def test_the_customers_of_every_day_are_those_of_the_seeds(warehouse: Warehouse, shop: Shop) -> None:
    rows = warehouse.frame(f"""
        select customer_id, snapshot_date, ltv, country, last_active_at, last_order_at
        from {warehouse.table("dim_customers_daily")}
    """)
    assert len(rows) == int(shop.there.sum())
    who = rows["customer_id"].to_numpy(int) - 1
    days = pd.to_datetime(rows["snapshot_date"]).to_numpy("datetime64[D]")
    when = (days - np.datetime64(shop.days[0])).astype(int)
    assert shop.there[who, when].all()
    np.testing.assert_allclose(rows["ltv"].to_numpy(float), shop.ltv[who, when], atol=0.011)
    assert (rows["country"].to_numpy(object) == shop.country[who, when]).all()
    for column, clock in (("last_active_at", shop.days_since_visit), ("last_order_at", shop.days_since_order)):
        happened = pd.to_datetime(rows[column]).to_numpy("datetime64[D]")
        never = np.isnat(happened)
        assert (never == (clock[who, when] > 1000)).all()
        assert ((days - happened).astype(int)[~never] == clock[who, when][~never]).all()


@pytest.mark.parametrize(
    ("metric", "numerator", "denominator"),
    [("size", "size", None), ("inactive_rate", "inactive", "size"), ("conversion_rate", "converted", "eligible")],
)
def test_the_snapshots_count_what_the_oracle_counts(
    metric: str, numerator: str, denominator: str | None, warehouse: Warehouse, shop: Shop
) -> None:
    rows = warehouse.query(f"select * from {warehouse.table('pulse_segment_snapshots')}")
    expected = metrics(shop)
    expected = expected[(expected["metric"] == metric) & (expected["snapshot_date"] >= FIRST)]
    wanted = {
        (r.segment_id, r.snapshot_date): (r.numerator, denominator and r.denominator) for r in expected.itertuples()
    }
    found = {(r["segment_id"], r["snapshot_date"]): (r[numerator], denominator and r[denominator]) for r in rows}
    assert len(found) == 9 * 5
    assert found == wanted


def test_entered_and_exited_are_the_differences_of_the_member_sets(warehouse: Warehouse, shop: Shop) -> None:
    rows = warehouse.query(
        f"select segment_id, snapshot_date, entered, exited from {warehouse.table('pulse_segment_snapshots')}"
    )
    found = {(r["segment_id"], r["snapshot_date"]): (r["entered"], r["exited"]) for r in rows}
    wanted = {}
    for name, inside in members(shop).items():
        for t in range(shop.days.index(FIRST), len(shop.days)):
            now, before = inside[:, t], inside[:, t - 1]
            wanted[name, shop.days[t]] = (int((now & ~before).sum()), int((before & ~now).sum()))
    assert found == wanted


def test_the_headline_is_put_down_to_the_ltv_rule(warehouse: Warehouse, shop: Shop) -> None:
    rows = warehouse.query(
        f"""select detail, columns, sum(members) as members from {warehouse.table("pulse_segment_changes")}
            where segment_id = ? and snapshot_date = ? and direction = 'lost' group by detail, columns order by members desc""",
        ["high_value_active_users", date(2026, 5, 30)],
    )
    t = shop.days.index(date(2026, 5, 30))
    before = members(shop)["high_value_active_users"][:, t - 1]
    # who was seen exactly 7 days ago would have aged out that night, whatever became of ltv
    gone = before & (shop.days_since_visit[:, t - 1] < 7) & np.isnan(shop.ltv[:, t])
    assert (rows[0]["detail"], rows[0]["columns"], rows[0]["members"]) == ("ltv > 1000", "ltv", int(gone.sum()))
    assert rows[0]["members"] > 0.8 * sum(r["members"] for r in rows)


def test_reach_and_distributions_count_what_the_oracle_counts(warehouse: Warehouse, shop: Shop) -> None:
    expected = metrics(shop)
    expected = expected[expected["metric"].str.startswith("reach:") & (expected["snapshot_date"] >= FIRST)]
    rows = warehouse.query(
        f"select segment_id, snapshot_date, channel, reachable from {warehouse.table('pulse_segment_reach')}"
    )
    assert {(r["segment_id"], r["snapshot_date"], f"reach:{r['channel']}"): r["reachable"] for r in rows} == {
        (r.segment_id, r.snapshot_date, r.metric): r.numerator for r in expected.itertuples()
    }
    buckets = distributions(shop)
    buckets = buckets[buckets["snapshot_date"] >= FIRST]
    rows = warehouse.query(
        f"select segment_id, snapshot_date, attribute, bucket, members from {warehouse.table('pulse_segment_distributions')}"
    )
    assert {r["attribute"] for r in rows} == set(ATTRIBUTES)
    assert {(r["segment_id"], r["snapshot_date"], r["attribute"], r["bucket"]): r["members"] for r in rows} == {
        (r.segment_id, r.snapshot_date, r.attribute, r.bucket): r.members for r in buckets.itertuples()
    }


def test_the_ladder_of_the_newsletter_counts_what_the_oracle_counts(warehouse: Warehouse, shop: Shop) -> None:
    expected = metrics(shop)
    expected = expected[expected["metric"].str.startswith("ladder:") & (expected["snapshot_date"] >= FIRST)]
    rows = warehouse.query(
        "select segment_id, snapshot_date, channel, step, sum(members) as entering,"
        " sum(case when reason = '' then members else 0 end) as through"
        f" from {warehouse.table('pulse_reach_ladder')} where step in ('synced', 'accepted') group by 1, 2, 3, 4"
    )
    found = {
        (r["segment_id"], r["snapshot_date"], f"ladder:{r['channel']}:{r['step']}"): (r["through"], r["entering"])
        for r in rows
    }
    assert found == {
        (r.segment_id, r.snapshot_date, r.metric): (r.numerator, r.denominator) for r in expected.itertuples()
    }
