"""Shops to plant faults in: an undisturbed dbt project, built once up to the day before the faults, and restored after each."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import duckdb

from pulse_runner.compile.write import write_models
from pulse_runner.incidents.stage import detect
from pulse_runner.package import demo_files, install_copy, package_files
from pulse_runner.plugins import schema_of
from pulse_runner.segments.load import load_project
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.dbt import run_dbt

ROOT = Path(__file__).parents[2]
LAST_DAYS = 3  # days that a fault is watched, at most
CUSTOMERS = 3000  # half of the demo's: a fault has to be affordable
# the entity's relation is made day by day, as a warehouse does it: a fault upstream changes no day before it
BY_DAY = """{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='snapshot_date',
    on_schema_change='append_new_columns') }}"""
OF_THE_WINDOW = """
{%- if is_incremental() %}
where snapshot_date between cast('{{ var("pulse_from") }}' as date) and cast('{{ var("pulse_to") }}' as date)
{%- endif %}
"""
PROFILE = "pulse:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: %r, threads: 1}\n"
FINAL = re.compile(
    r"select (\*(?: replace \(.*\)| rename \(.*\)| exclude \(.*\))?) from (\w+|\{\{[^}]*\}\})", re.DOTALL
)


@dataclass(frozen=True)
class Shop:
    """A dbt project at `root`, its relation `dim` by day, and the first day of a fault; nothing is planted yet."""

    name: str
    root: Path
    first: date
    day: date
    dim: str
    chain: tuple[str, ...]  # paths of the models from the relation of the entity up to the source, nearest first

    @property
    def file(self) -> Path:
        """Return the DuckDB file that the project works on."""
        return self.root / "pulse.duckdb"

    @property
    def base(self) -> Path:
        """Return the copy of the file that every fault starts from."""
        return self.root / "base.duckdb"

    @property
    def last(self) -> date:
        """Return the last day of a fault."""
        return self.day + timedelta(days=LAST_DAYS - 1)

    def project(self) -> Project:
        """Return the definitions as they are now."""
        return load_project(self.root, schema_of(self.root, None))

    @contextmanager
    def planted(self, edits: Mapping[str, str], statements: Sequence[str]) -> Iterator[None]:
        """Start from the undisturbed tables with the given texts of files and statements on tables; put the files back after."""
        before = {path: (self.root / path).read_text(encoding="utf-8") for path in edits}
        compiled = {p: p.read_text(encoding="utf-8") for p in (self.root / "models" / "pulse").iterdir()}
        shutil.copyfile(self.base, self.file)
        try:
            for path, text in edits.items():
                (self.root / path).write_text(text, encoding="utf-8")
            if statements:
                with duckdb.connect(str(self.file)) as connection:
                    for statement in statements:
                        connection.execute(statement)
            if any(path.startswith("segments/") for path in edits):
                write_models(self.project(), self.root)
            yield
        finally:
            for path, text in before.items():
                (self.root / path).write_text(text, encoding="utf-8")
            for path, text in compiled.items():
                if path.read_text(encoding="utf-8") != text:
                    path.write_text(text, encoding="utf-8")

    def build(self, first: date, last: date, rebuilt: Sequence[str] = ()) -> None:
        """Let dbt make the relation and Pulse's tables for some dates, of the models above it those that are `rebuilt`; seeds stay as they are."""
        selection = [Path(p).stem for p in self.chain if p.startswith("models/")]
        if (
            self.base.is_file()
        ):  # what a fault needs: the relation and the snapshot tables; views and the runner's tables are there
            pulse = [
                "tag:pulse_snapshot",
                "--exclude",
                "seg_*",
                "*__current",
                "pulse_segment_facts",
                "pulse_column_facts",
            ]
            selection = [*[s for s in selection if s in rebuilt or s == self.dim], *pulse]
        else:
            selection.append("tag:pulse")
        days = {"pulse_from": first.isoformat(), "pulse_to": last.isoformat(), "pulse_present_day": last.isoformat()}
        result = run_dbt(
            self.root,
            ["build", "--select", *selection, "--exclude-resource-type", "unit_test", "test", "seed"],
            told=days,
        )
        failed = [f for f in result.failures if f.status != "warn"]
        if failed:
            raise RuntimeError(f"{self.name}: " + "; ".join(f"{f.node}: {f.message[:200]}" for f in failed[:3]))

    @contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        """Open the file as the runner does."""
        opened = connect(self.root)
        try:
            yield opened
        finally:
            opened.close()


def column(shop: Shop, level: int, name: str, sql: str) -> dict[str, str]:
    """Return the edit that gives a column another expression in the last SELECT of a model, `level` models up from the relation."""
    path = shop.chain[level]
    return {path: with_last_select(text_of(shop, path), f"* replace ({sql} as {name})")}


def text_of(shop: Shop, path: str) -> str:
    """Return the text of a file of the project."""
    return (shop.root / path).read_text(encoding="utf-8")


def with_last_select(text: str, columns: str) -> str:
    """Return a model with other columns in its last SELECT.

    >>> with_last_select("with a as (select * from b) select * from a", "* replace (1 as x)")
    'with a as (select * from b) select * replace (1 as x) from a'
    """
    found = list(FINAL.finditer(text))[-1]
    return f"{text[: found.start(1)]}{columns}{text[found.end(1) :]}"


def with_where(text: str, condition: str, union: str = "") -> str:
    """Return a model whose last SELECT keeps only the rows under a condition; `union` is put behind it."""
    found = list(FINAL.finditer(text))[-1]
    inner = f"(select * from {found[2]} where {condition}{union}) as kept"
    return f"{text[: found.start(2)]}{inner}{text[found.end(2) :]}"


def demo_shop(folder: Path, seed: int, day: date) -> Shop:
    """Make the demo shop from another seed, without its own faults, with the relation four models below the seed; build it up to `day`."""
    root = folder / f"demo_{seed}_{day}"
    shop = Shop(
        f"demo shop, seed {seed}, {day}", root, date(2026, 3, 1), day, "dim_customers_daily",
        (
            "models/marts/dim_customers_daily.sql", "models/staging/int_demo__profiles.sql", "models/staging/int_demo__accounts.sql",
            "models/staging/stg_demo__customers.sql", "seeds/demo_customers.csv", "models/marts/fct_demo__orders.sql",
            "models/staging/stg_demo__orders.sql", "models/staging/stg_demo__days.sql",
        ),
    )  # fmt: skip
    if shop.base.is_file():
        return shop
    files = {p: t for p, t in demo_files().items() if not p.startswith("seeds/demo_")}
    seeds = _seeds(seed)
    dim = files["models/marts/dim_customers_daily.sql"].replace(
        "ref('stg_demo__customers')", "ref('int_demo__profiles')"
    )
    dim = dim.replace("{{ config(materialized='table') }}", BY_DAY)
    files["models/marts/dim_customers_daily.sql"] = _by_window(dim, "order by snapshot_date, customer_id")
    files["models/staging/int_demo__profiles.sql"] = "select * from {{ ref('int_demo__accounts') }}\n"
    files["models/staging/int_demo__accounts.sql"] = "select * from {{ ref('stg_demo__customers') }}\n"
    files["dbt_project.yml"] = files["dbt_project.yml"].replace('"2026-05-31"', f'"{shop.last}"')
    files["seeds/pulse_known_events.csv"] = files["seeds/pulse_known_events.csv"]
    _begin(shop, files | {f"seeds/{n}.csv": t for n, t in seeds.items()})
    return shop


def real_shop(folder: Path, orders: Path, day: date) -> Shop:
    """Make the shop of the real orders, with the relation three models below the lines; build it up to `day`."""
    root = folder / f"real_{day}"
    shop = Shop(
        f"real orders, {day}", root, day - timedelta(days=84), day, "dim_buyers_daily",
        ("models/dim_buyers_daily.sql", "models/int_lines.sql", "models/stg_lines.sql"),
    )  # fmt: skip
    if shop.base.is_file():
        return shop
    source = ROOT / "tests" / "python" / "real_data" / "project"
    files = {
        str(p.relative_to(source)): p.read_text(encoding="utf-8")
        for p in source.rglob("*")
        if p.suffix in (".sql", ".yml")
    }
    dim = files["models/dim_buyers_daily.sql"].replace(
        "read_parquet('{{ env_var(\"PULSE_REAL_ORDERS\") }}')", "{{ ref('int_lines') }}"
    )
    dim = dim.replace("{{ config(materialized='table') }}", BY_DAY).replace("date '2010-12-09'", f"date '{shop.last}'")
    dim = dim.replace("where snapshot_date >= '2010-02-28'", "")
    files["models/dim_buyers_daily.sql"] = _by_window(dim, "order by snapshot_date, customer_id")
    files["models/int_lines.sql"] = "select * from {{ ref('stg_lines') }}\n"
    files["models/stg_lines.sql"] = "with lines as (select * from {{ source('shop', 'lines') }})\nselect * from lines\n"
    files["models/_sources.yml"] = "sources: [{name: shop, schema: main, tables: [{name: lines}]}]\n"
    files["dbt_project.yml"] = (
        "name: real_shop\nversion: '1.0.0'\nconfig-version: 2\nprofile: pulse\nmodel-paths: [models]\n"
        "flags: {send_anonymous_usage_stats: false, require_ref_searches_node_package_before_root: true}\n"
        "vars: {pulse_entities: [buyers]}\n"
    )
    files["packages.yml"] = "packages:\n  - local: pulse_package\n"
    files |= package_files()
    with_lines = f"create table main.lines as select * from read_parquet('{orders}')"
    _begin(shop, files, with_lines)
    return shop


def _begin(shop: Shop, files: Mapping[str, str], *statements: str) -> None:
    """Write the project, build the days before the fault, judge the last three weeks of them, and keep the file."""
    for path, text in {**files, "profiles.yml": PROFILE % str(shop.file)}.items():
        (shop.root / path).parent.mkdir(parents=True, exist_ok=True)
        (shop.root / path).write_text(text, encoding="utf-8")
    install_copy(shop.root)
    write_models(shop.project(), shop.root)
    with duckdb.connect(str(shop.file)) as connection:
        for statement in statements:
            connection.execute(statement)
    run_dbt(shop.root, ["seed"])
    shop.build(shop.first, shop.day - timedelta(days=1))
    before = shop.day - timedelta(days=1)
    with shop.warehouse() as warehouse:
        detect(warehouse, shop.project(), before - timedelta(days=20), before, now=noon(before))
    shutil.copyfile(shop.file, shop.base)


def noon(day: date) -> datetime:
    """Return the time of the run after a day."""
    return datetime(day.year, day.month, day.day, 6, tzinfo=UTC) + timedelta(days=1)


def _by_window(text: str, order: str) -> str:
    """Return the model with only the days of the window behind its last SELECT."""
    assert order in text
    return text.replace(order, OF_THE_WINDOW)


def _seeds(seed: int) -> dict[str, str]:
    """Draw the demo shop's seeds anew, without drift and faults; its generator is the demo's own."""
    generator = _generator()
    generator.SEED, generator.CUSTOMERS, generator.STUDENTS_GONE = seed, CUSTOMERS, 0.0  # type: ignore[attr-defined]
    tables = generator.tables()
    tables["demo_faults"] = (tables["demo_faults"][0], [["none", "1990-01-01", "1990-01-01", "nothing is planted"]])
    return {name: generator.as_csv(table) for name, table in tables.items()}


def _generator() -> ModuleType:
    folder = str(ROOT / "demo" / "generator")
    sys.path.insert(0, folder)
    try:
        import generate
    finally:
        sys.path.remove(folder)
    return generate
