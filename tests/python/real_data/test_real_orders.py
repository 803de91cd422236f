"""A real shop's orders through compile, dbt build and the tables, against pandas that has never seen the SQL.

The orders are not part of the project: PULSE_REAL_ORDERS names the parquet file, or it lies in ../shared/data beside the checkout.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from package_project import ROOT, install, write_project

from pulse_runner.compile.write import write_models
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import load_project
from pulse_runner.snapshot.build import WITHOUT
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.dbt import run_dbt

ORDERS = Path(
    os.environ.get("PULSE_REAL_ORDERS") or ROOT.parent / "shared" / "data" / "online_retail_transactions.parquet"
)
FIRST, LAST = date(2010, 3, 1), date(2010, 12, 9)
EUROPE = {
    "EIRE", "Germany", "France", "Netherlands", "Spain", "Switzerland", "Portugal", "Belgium", "Channel Islands", "Sweden", "Italy",
    "Cyprus", "Austria", "Greece", "Denmark", "Norway", "Finland", "Poland", "Malta", "Lithuania", "Iceland",
}  # fmt: skip

pytestmark = pytest.mark.skipif(
    not ORDERS.is_file(), reason="the real orders are not here; name the parquet file in PULSE_REAL_ORDERS"
)


@pytest.fixture(scope="module")
def sizes() -> pd.DataFrame:
    """Compute every segment's size per day (index: date, columns: segment) on (customers, days) arrays."""
    lines = pd.read_parquet(ORDERS).dropna(subset=["customer_id"])
    lines = lines.assign(amount=lines["quantity"] * lines["unit_price"])
    is_purchase = ~lines["is_cancel"] & (lines["quantity"] > 0) & (lines["unit_price"] > 0)
    bought = lines[is_purchase]
    first_of = bought.groupby("customer_id")["invoice_ts"].min().dt.normalize()
    home = bought.groupby("customer_id")["country"].min().reindex(first_of.index).to_numpy(object)
    lines = lines[lines["customer_id"].isin(first_of.index)]
    start = np.datetime64("2009-12-01")
    days = np.arange(start, np.datetime64(LAST) + 1)

    def grid(values: pd.Series[float]) -> np.ndarray:
        """Spread values indexed by (customer, day) over a (customers, days) array."""
        out = np.zeros((len(first_of), len(days)))
        who = first_of.index.get_indexer(values.index.get_level_values(0))
        when = (pd.DatetimeIndex(values.index.get_level_values(1)).to_numpy("datetime64[D]") - start).astype(int)
        out[who, when] = values.to_numpy()
        return out

    def per_day(frame: pd.DataFrame) -> list[pd.Series]:
        return [frame["customer_id"], frame["invoice_ts"].dt.normalize()]

    first = (first_of.to_numpy("datetime64[D]") - start).astype(int)[:, None]
    at = np.arange(len(days))[None, :]
    exists = at >= first
    # what was returned before the first purchase in the file is not the customer's value here
    amount = np.where(exists, grid(lines.groupby(per_day(lines))["amount"].sum()), 0.0)
    orders = grid(bought.groupby(per_day(bought))["invoice"].nunique())
    spent = np.cumsum(amount, axis=1)
    before = np.concatenate([np.zeros((len(spent), 90)), spent[:, :-90]], axis=1)
    ltv, spend_90d = np.round(spent, 2), np.round(spent - before, 2)
    recency = at - np.maximum.accumulate(np.where(orders > 0, at, -100_000), axis=1)
    inside = {
        "valuable_recent": (ltv > 1000) & (recency <= 7),
        "quarter_spenders": (spend_90d > 500) & (recency <= 30),
        "new_buyers": at - first <= 30,
        "lapsing_regulars": (np.cumsum(orders, axis=1) >= 3) & (recency >= 60) & (recency <= 120),
        "european_actives": np.isin(home.astype(str), sorted(EUROPE))[:, None] & (recency <= 90),
    }
    table = pd.DataFrame({name: (who & exists).sum(axis=0) for name, who in inside.items()}, index=days.astype(object))
    return table.loc[FIRST:LAST]  # type: ignore[misc]  # dates as labels


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    root = tmp_path_factory.mktemp("orders")
    write_project(root, "orders", ["buyers"])
    install(root, ROOT)
    shutil.copytree(Path(__file__).parent / "project", root, dirs_exist_ok=True)
    write_models(load_project(root, SCHEMA), root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(root))
        patch.delenv("DBT_PROFILES_DIR", raising=False)
        patch.setenv("PULSE_REAL_ORDERS", str(ORDERS))
        result = run_dbt(
            root, ["build", *WITHOUT], told={"pulse_from": FIRST.isoformat(), "pulse_to": LAST.isoformat()}
        )
        assert result.failures == ()
        opened = connect(root)
        yield opened
        opened.close()


def test_every_size_on_every_day_is_that_of_pandas(warehouse: Warehouse, sizes: pd.DataFrame) -> None:
    rows = warehouse.query(
        f"select segment_id, snapshot_date, size, status from {warehouse.table('pulse_segment_snapshots')}"
    )
    assert {r["status"] for r in rows} == {"ok"}
    found = {(r["segment_id"], r["snapshot_date"]): r["size"] for r in rows}
    wanted = {(name, day): int(size) for name, column in sizes.items() for day, size in column.items()}
    assert len(wanted) == 5 * 284
    assert found == wanted


def test_the_causes_of_every_change_add_up_on_real_data(warehouse: Warehouse) -> None:
    rows = warehouse.query(f"""
        select s.segment_id, s.snapshot_date, s.entered, s.exited,
          coalesce(sum(case when c.direction = 'gained' then c.members end), 0) as gained,
          coalesce(sum(case when c.direction = 'lost' then c.members end), 0) as lost
        from {warehouse.table("pulse_segment_snapshots")} as s
        left join {warehouse.table("pulse_segment_changes")} as c
          on c.segment_id = s.segment_id and c.snapshot_date = s.snapshot_date
        where s.previous_date is not null
        group by s.segment_id, s.snapshot_date, s.entered, s.exited
    """)
    assert len(rows) == 5 * 284
    assert [r for r in rows if (r["entered"], r["exited"]) != (r["gained"], r["lost"])] == []
