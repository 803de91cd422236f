"""The demo's dbt models and Pulse's tables, against the oracle that reads the seeds without any SQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shop_oracle import ATTRIBUTES, Shop, distributions, members, metrics

from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.dbt import run_dbt

ROOT = Path(__file__).parents[3]
FIRST, LAST = date(2026, 5, 27), date(2026, 5, 31)  # the headline fault in the middle


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    root = tmp_path_factory.mktemp("shop")
    shutil.copy(ROOT / "dbt_project.yml", root)
    for folder in ("macros", "models", "seeds"):
        shutil.copytree(ROOT / folder, root / folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(root))
        patch.delenv("DBT_PROFILES_DIR", raising=False)
        if request.param == "postgres":
            server = request.getfixturevalue("postgres_server")
            (root / "profiles.yml").write_text(
                "pulse:\n  target: postgres\n  outputs:\n    postgres:\n      type: postgres\n"
                f"      host: {server}\n      port: 5432\n      user: postgres\n      password: ''\n      dbname: postgres\n"
                "      schema: pulse_demo_models\n      threads: 2\n"
            )
        result = run_dbt(root, ["build"], variables={"pulse_from": FIRST.isoformat(), "pulse_to": LAST.isoformat()})
        assert result.failures == ()
        warehouse = connect(root)
        yield warehouse
        warehouse.close()


def test_the_customers_of_every_day_are_those_of_the_seeds(built: Warehouse, shop: Shop) -> None:
    rows = built.frame(f"""
        select customer_id, snapshot_date, ltv, country, last_active_at, last_order_at
        from {built.table("dim_customers_daily")}
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
    metric: str, numerator: str, denominator: str | None, built: Warehouse, shop: Shop
) -> None:
    rows = built.query(f"select * from {built.table('segment_snapshots')}")
    expected = metrics(shop)
    expected = expected[(expected["metric"] == metric) & (expected["snapshot_date"] >= FIRST)]
    wanted = {
        (r.segment_id, r.snapshot_date): (r.numerator, denominator and r.denominator) for r in expected.itertuples()
    }
    found = {(r["segment_id"], r["snapshot_date"]): (r[numerator], denominator and r[denominator]) for r in rows}
    assert len(found) == 9 * 5
    assert found == wanted


def test_entered_and_exited_are_the_differences_of_the_member_sets(built: Warehouse, shop: Shop) -> None:
    rows = built.query(f"select segment_id, snapshot_date, entered, exited from {built.table('segment_snapshots')}")
    found = {(r["segment_id"], r["snapshot_date"]): (r["entered"], r["exited"]) for r in rows}
    wanted = {}
    for name, inside in members(shop).items():
        for t in range(shop.days.index(FIRST), len(shop.days)):
            now, before = inside[:, t], inside[:, t - 1]
            wanted[name, shop.days[t]] = (int((now & ~before).sum()), int((before & ~now).sum()))
    assert found == wanted


def test_the_headline_is_put_down_to_the_ltv_rule(built: Warehouse, shop: Shop) -> None:
    rows = built.query(
        f"""select detail, columns, sum(members) as members from {built.table("segment_changes")}
            where segment_id = ? and snapshot_date = ? and direction = 'lost' group by detail, columns order by members desc""",
        ["high_value_active_users", date(2026, 5, 30)],
    )
    t = shop.days.index(date(2026, 5, 30))
    before = members(shop)["high_value_active_users"][:, t - 1]
    # who was seen exactly 7 days ago would have aged out that night, whatever became of ltv
    gone = before & (shop.days_since_visit[:, t - 1] < 7) & np.isnan(shop.ltv[:, t])
    assert (rows[0]["detail"], rows[0]["columns"], rows[0]["members"]) == ("ltv > 1000", "ltv", int(gone.sum()))
    assert rows[0]["members"] > 0.8 * sum(r["members"] for r in rows)


def test_reach_and_distributions_count_what_the_oracle_counts(built: Warehouse, shop: Shop) -> None:
    expected = metrics(shop)
    expected = expected[expected["metric"].str.startswith("reach:") & (expected["snapshot_date"] >= FIRST)]
    rows = built.query(f"select segment_id, snapshot_date, channel, reachable from {built.table('segment_reach')}")
    assert {(r["segment_id"], r["snapshot_date"], f"reach:{r['channel']}"): r["reachable"] for r in rows} == {
        (r.segment_id, r.snapshot_date, r.metric): r.numerator for r in expected.itertuples()
    }
    buckets = distributions(shop)
    buckets = buckets[buckets["snapshot_date"] >= FIRST]
    rows = built.query(
        f"select segment_id, snapshot_date, attribute, bucket, members from {built.table('segment_distributions')}"
    )
    assert {r["attribute"] for r in rows} == set(ATTRIBUTES)
    assert {(r["segment_id"], r["snapshot_date"], r["attribute"], r["bucket"]): r["members"] for r in rows} == {
        (r.segment_id, r.snapshot_date, r.attribute, r.bucket): r.members for r in buckets.itertuples()
    }
