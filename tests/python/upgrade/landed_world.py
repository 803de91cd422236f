"""A project of today whose warehouse holds what version 0.1.0 left behind: the fixture, loaded into DuckDB or into Postgres."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

import landed_shop
import pytest
from click.testing import CliRunner, Result

from pulse_runner.alert import stage
from pulse_runner.cli import cli
from pulse_runner.cli.context import PulseContext
from pulse_runner.package import project_files
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.project import read_project

FIXTURE = Path(__file__).parent / "fixture"
SCHEMA: dict[str, Any] = json.loads((FIXTURE / "schema.json").read_text(encoding="utf-8"))
TABLES = [name for name, about in SCHEMA.items() if "view" not in about]
VIEWS = [name for name, about in SCHEMA.items() if "view" in about]
NEW_NAME = {
    name: f"pulse_{name}" for name in TABLES if name != "pulse_runs" and name.rpartition("_")[0] not in ("customers", "accounts")
} | {
    "pulse_runs": "pulse_runs",
    "customers_facts": "pulse_customers__facts",
    "customers_health": "pulse_customers__health",
    "accounts_facts": "pulse_accounts__facts",
    "accounts_health": "pulse_accounts__health",
    "accounts_history": "pulse_accounts__history",
}  # fmt: skip


def rows_of_fixture(table: str) -> list[list[str | None]]:
    """Return the rows of a table as text, without the header."""
    with (FIXTURE / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return [[None if v == "\\N" else v for v in row] for row in csv.reader(file)][1:]


def load_landed(root: Path, old: str) -> None:
    """Make the tables and views of 0.1.0 in a schema of a project's warehouse, and the shop's own tables with all days."""
    warehouse: Any = connect(root)
    dialect = warehouse.dialect
    statements = [f'create schema if not exists "{old}"', *landed_shop.tables()]
    for day in landed_shop.DAYS:
        statements += landed_shop.load(day)
    warehouse.change(statements)
    for name in TABLES:
        columns = {column: types[dialect] for column, types in SCHEMA[name]["columns"].items()}
        warehouse.change([f'create table "{old}"."{name}" ({", ".join(f"{c} {t}" for c, t in columns.items())})'])
        casts = ", ".join(f"cast(? as {type_})" for type_ in columns.values())
        with warehouse.transaction():
            for row in rows_of_fixture(name):
                warehouse._execute(f'insert into "{old}"."{name}" select {casts}', row)
    for name in sorted(VIEWS, key=lambda name: name == "segment_health"):  # it reads two of the others
        text = SCHEMA[name]["view"][dialect].replace("SCHEMA", f'"{old}"')
        text = text.replace(f"CREATE VIEW {name} ", f'CREATE VIEW "{old}".{name} ')
        warehouse.change([text if dialect == "duckdb" else f'create view "{old}".{name} as {text}'])
    warehouse.close()


class World:
    """The project in a folder of its own; `old` is the schema of the old tables, which may be another than that of the new ones."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, profile: str, old: str) -> None:
        self.root, self.old, self._patch = root, old, monkeypatch
        self._schema = old
        monkeypatch.setenv("PULSE_LLM", "off")
        for name in ("DBT_PROFILES_DIR", "PULSE_PROJECT_DIR", "PULSE_TARGET", "OPENAI_API_KEY", "PULSE_SLACK_WEBHOOK"):
            monkeypatch.delenv(name, raising=False)
        files = project_files("audiences") | landed_shop.DEFINITIONS | landed_shop.FILES
        files["dbt_project.yml"] = files["dbt_project.yml"].replace(
            "pulse_entities: []", "pulse_entities: [accounts, customers]"
        )
        for path, text in (files | {"profiles.yml": profile}).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        read_project.cache_clear()
        (root / "dbt_packages").mkdir()
        (root / "dbt_packages" / "pulse").symlink_to(root / "pulse_package", target_is_directory=True)
        self.at(landed_shop.LAST)
        self.pulse("compile")

    def at(self, day: date) -> None:
        """Set the clocks of the commands and of the deliveries to the evening of a day."""
        now = datetime.combine(day, time(21), UTC)
        self._patch.setattr("pulse_runner.cli.PulseContext", partial(PulseContext, now=now))
        self._patch.setattr(
            stage.run_alerts, "__kwdefaults__", (stage.run_alerts.__kwdefaults__ or {}) | {"clock": lambda: now}
        )

    def pulse(self, *args: str, code: int = 0) -> Result:
        done = CliRunner().invoke(cli, ["--project-dir", str(self.root), *args])
        assert done.exit_code == code, (done.output, done.exception)
        return done

    def sql(self, *statements: str) -> None:
        warehouse = connect(self.root)
        try:
            warehouse.change(statements)
        finally:
            warehouse.close()

    def query(self, sql: str) -> list[dict[str, Any]]:
        warehouse = connect(self.root)
        try:
            return warehouse.query(sql)
        finally:
            warehouse.close()

    def load(self) -> None:
        """Make the old tables and views as 0.1.0 left them, with the shop's own tables of all days."""
        load_landed(self.root, self.old)

    def relations(self) -> dict[tuple[str, str], str]:
        """Return the kind of each relation by schema and name, those of the shop left out."""
        rows = self.query(
            "select table_schema as s, table_name as n, table_type as t from information_schema.tables"
            f" where table_schema in ('{self._schema}', '{self.old}')"
        )
        return {(r["s"], r["n"]): r["t"] for r in rows}

    def rows(self, schema: str, table: str, columns: list[str]) -> list[tuple[str, ...]]:
        """Return the rows of some columns as text, sorted: what must be the same before and after."""
        listed = ", ".join(f'cast("{column}" as varchar) as c{n}' for n, column in enumerate(columns))
        rows = self.query(f'select {listed} from "{schema}"."{table}"')
        return sorted(tuple("\\N" if v is None else str(v) for v in row.values()) for row in rows)

    def everything(self, schema: str, names: Mapping[str, str]) -> dict[str, list[tuple[str, ...]]]:
        """Return the rows of all tables by their old names, in the columns that they had; `names` says how they are called now."""
        return {old: self.rows(schema, new, list(SCHEMA[old]["columns"])) for old, new in names.items()}
