"""The shop of the real orders as a project of somebody's, with a loader that brings one day after the other.

dbt's parsing and its 180 nodes are most of a day's cost. A snapshot depends on nothing but the relation, so dbt makes those of all
days once, in one walk over the dates, from rows that have their faults. A day then gets its own rows of them, and no later ones, as
if `dbt build` had run elsewhere: `pulse run --no-build`. Where the project itself is broken, `pulse run` builds the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.year.definitions import files
from benchmarks.year.faults import MODEL, Fault, fault_of
from pulse_runner.compile.write import write_models
from pulse_runner.package import install_copy, package_files
from pulse_runner.plugins import schema_of
from pulse_runner.segments.load import load_project
from pulse_runner.snapshot.build import WITHOUT
from pulse_runner.warehouse.dbt import run_dbt

FIRST = date(2010, 3, 1)  # three months of orders lie before it
BEFORE = 28  # days of the past that the first run finds
PROFILE = "pulse:\n  target: own\n  outputs:\n    own: {type: duckdb, path: %r, threads: 2}\n"
PROJECT = """\
name: real_year
version: "1.0.0"
config-version: 2
profile: pulse
model-paths: [models]
seed-paths: [seeds]
flags: {send_anonymous_usage_stats: false, require_ref_searches_node_package_before_root: true}
vars: {pulse_entities: [buyers]}
seeds:
  real_year:
    pulse_known_events:
      +pre-hook: "{{ pulse.pulse_require_own() }}"
      +post-hook: "{{ pulse.pulse_mark() }}"
      +column_types: {starts_on: date, ends_on: date, scope: varchar, scope_value: varchar, reason: varchar}
  pulse:
    pulse_known_events: {+enabled: false}
"""
# what a shop knows of its own calendar
CLOSED = (
    (date(2010, 4, 2), date(2010, 4, 5), "Easter"), (date(2010, 5, 3), date(2010, 5, 3), "bank holiday"),
    (date(2010, 5, 31), date(2010, 5, 31), "bank holiday"), (date(2010, 8, 30), date(2010, 8, 30), "bank holiday"),
    (date(2010, 12, 23), date(2011, 1, 3), "closed over Christmas"), (date(2011, 4, 1), date(2011, 4, 4), "Easter"),
)  # fmt: skip
# the file ends on 9 December 2010. After it, the orders of 52 weeks before come again; one in five of their new customers is new
# again, the others are the customers of before
ORDERS_END, REPLAY, NEW_AGAIN = date(2010, 12, 9), 364, 5
TRUTH = """\
create table truth as
with given as (
    select cast(customer_id as integer) as customer_id, invoice, cast(invoice_ts as date) as ordered_on, country,
        quantity * unit_price as amount, not is_cancel and quantity > 0 and unit_price > 0 as is_purchase, is_cancel
    from read_parquet($orders) where customer_id is not null
),
lines as (
    select * from given
    union all
    select case when customer_id % $new_again = 0 then customer_id + 100000 else customer_id end, concat('R', invoice),
        ordered_on + $replay, country, amount, is_purchase, is_cancel
    from given where ordered_on + $replay > $orders_end and ordered_on + $replay <= $last
),
customers as (
    select customer_id, min(country) as country, min(ordered_on) as first_order_on from lines where is_purchase group by customer_id
),
daily as (
    select customer_id, ordered_on, count(distinct invoice) filter (where is_purchase) as orders, sum(amount) as amount,
        count(distinct invoice) filter (where is_cancel) as returns
    from lines group by customer_id, ordered_on
),
grid as (
    select c.*, d.snapshot_date, coalesce(daily.orders, 0) as o, coalesce(daily.amount, 0) as a, coalesce(daily.returns, 0) as r,
        case when daily.orders > 0 then d.snapshot_date end as ordered_today
    from customers as c
    inner join (select cast(unnest(generate_series(date '2009-12-01', $last, interval 1 day)) as date) as snapshot_date) as d
        on d.snapshot_date >= c.first_order_on
    left join daily on daily.customer_id = c.customer_id and daily.ordered_on = d.snapshot_date
),
state as (
    select customer_id, snapshot_date, country, first_order_on, max(ordered_today) over so_far as last_order_on,
        cast(sum(o) over so_far as integer) as orders, round(sum(a) over so_far, 2) as ltv,
        round(sum(a) over (so_far rows between 29 preceding and current row), 2) as spend_30d,
        round(sum(a) over (so_far rows between 89 preceding and current row), 2) as spend_90d,
        cast(sum(r) over so_far as integer) as returns, hash(customer_id) % 100 < 62 as email_opt_in
    from grid
    window so_far as (partition by customer_id order by snapshot_date)
)
select * from state where snapshot_date >= $first order by snapshot_date, customer_id
"""


@dataclass(frozen=True)
class Shop:
    """The folder of the project. Beside it: `truth.duckdb`, what the loader brings without faults; `made.duckdb`, dbt's tables of all days."""

    folder: Path

    @property
    def root(self) -> Path:
        """Return the dbt project."""
        return self.folder / "shop"

    @property
    def file(self) -> Path:
        """Return the warehouse."""
        return self.root / "pulse.duckdb"

    def make(self, orders: Path, days: int, faults: Sequence[Fault]) -> None:
        """Write the project and what the loader knows, make the snapshots of all days aside, and load the days before the first run."""
        texts = {
            "dbt_project.yml": PROJECT,
            "profiles.yml": PROFILE % str(self.file),
            "packages.yml": "packages:\n  - local: pulse_package\n",
            "models/stg_buyers.sql": "select * from {{ source('shop', 'buyers_daily') }}\n",
            "models/dim_buyers_daily.sql": MODEL,
            "models/_sources.yml": "sources: [{name: shop, schema: main, tables: [{name: buyers_daily}]}]\n",
            "seeds/pulse_known_events.csv": "starts_on,ends_on,scope,scope_value,reason\n"
            + "".join(f"{a},{b},all,,{why}\n" for a, b, why in CLOSED),
            **dict(files()),
            **package_files(),
        }
        for path, text in texts.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text, encoding="utf-8")
        install_copy(self.root)
        write_models(load_project(self.root, schema_of(self.root, None)), self.root)
        last = FIRST + timedelta(days=days - 1)
        with duckdb.connect(str(self.folder / "truth.duckdb")) as connection:
            told = {"orders": str(orders), "last": last, "first": FIRST - timedelta(days=BEFORE)}
            calendar = {"orders_end": ORDERS_END, "replay": REPLAY, "new_again": NEW_AGAIN}
            connection.execute(TRUTH, told | calendar)
        self._begin()
        with self._loader() as connection:
            for n in range(days):
                _insert(connection, FIRST + timedelta(days=n), fault_of(faults, FIRST + timedelta(days=n)))
        given = {"pulse_from": (FIRST - timedelta(days=BEFORE)).isoformat(), "pulse_to": last.isoformat()}
        select = ["--select", "+tag:pulse_snapshot", *WITHOUT, "--exclude-resource-type", "test"]
        failures = run_dbt(self.root, ["build", *select], told=given | {"pulse_present_day": last.isoformat()}).failures
        if failures:
            raise RuntimeError(f"The snapshots of the year could not be made: {failures[:3]}")
        self.file.rename(self.folder / "made.duckdb")
        self._begin()

    def _begin(self) -> None:
        """Load the days before the first run into a new warehouse."""
        with self._loader() as connection:
            connection.execute(
                f"create table main.buyers_daily as select * from known.truth where snapshot_date < '{FIRST}'"
            )

    def load(self, day: date, fault: Fault | None) -> None:
        """Do what the loader and the dbt project do of a morning: the day's rows, and the model as it is today."""
        model = self.root / "models" / "dim_buyers_daily.sql"
        wanted = fault.model if fault and fault.model else MODEL
        if model.read_text(encoding="utf-8") != wanted:
            model.write_text(wanted, encoding="utf-8")
        with self._loader() as connection:
            _insert(connection, day, fault)

    def snapshot(self, day: date) -> None:
        """Put dbt's rows of a day where a build of that day would have put them."""
        with duckdb.connect(str(self.file)) as connection:
            for table in self._made(connection):
                connection.execute(f"delete from main.{table} where snapshot_date = '{day}'")
                connection.execute(
                    f"insert into main.{table} by name select * from made.main.{table} where snapshot_date = '{day}'"
                )

    def differing(self, day: date) -> list[str]:
        """Return the tables in which a day that `pulse run` built is not the one that was made before."""
        out = []
        with duckdb.connect(str(self.file), read_only=True) as connection:
            for table in self._made(connection):
                of = f"(select * from {{}}main.{table} where snapshot_date = '{day}')"
                mine, other = of.format(""), of.format("made.")
                rows = connection.execute(
                    f"select (select count(*) from ({mine} except {other})) + (select count(*) from ({other} except {mine}))"
                ).fetchone()
                out += [table] if rows and rows[0] else []
        return out

    def _made(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Attach the tables of all days; return the names of those that have a row per day."""
        connection.execute(f"attach '{self.folder / 'made.duckdb'}' as made (read_only)")
        rows = connection.execute(
            "select table_name from duckdb_columns() where database_name = 'made' and column_name = 'snapshot_date'"
            " and table_name in (select table_name from duckdb_tables() where database_name = 'made' and table_name like 'pulse_%')"
        ).fetchall()
        return sorted(name for (name,) in rows)

    def _loader(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.file))
        connection.execute(f"attach '{self.folder / 'truth.duckdb'}' as known (read_only)")
        return connection


def _insert(connection: duckdb.DuckDBPyConnection, day: date, fault: Fault | None) -> None:
    rows = fault.rows if fault and fault.rows else "select * from {day}"
    of_day = f"(select * from known.truth where snapshot_date = '{day}')"
    connection.execute(f"delete from main.buyers_daily where snapshot_date = '{day}'")
    connection.execute(f"insert into main.buyers_daily by name {rows.replace('{day}', of_day)}")
