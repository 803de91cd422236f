"""A stranger's dbt project with one table of customers, and the command `pulse` at a time of one's choice."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from package_project import copy_package, install, write_project

from pulse_runner.cli import cli
from pulse_runner.cli.context import PulseContext
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.project import read_project

SOURCES = "version: 2\nsources:\n  - {name: shop, schema: shop, tables: [{name: customers}]}\n"
ROUTES = "routes:\n  default:\n    channels:\n      - {channel: console}\n"
ENTITY = """\
entity: customers
relation: source('shop', 'customers')
key: customer_id
"""
SEGMENT = """\
segment: rich
entity: customers
owner: growth-team
rules:
  - {field: ltv, operator: ">", value: 1000}
"""


class Shop:
    """The project in a folder of its own; `at` sets the clock (UTC) that the next commands see."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, entity: str, profile: str | None) -> None:
        self.root, self._patch = root, monkeypatch
        if profile:
            (root / "profiles.yml").write_text(profile, encoding="utf-8")
        write_project(root, "stranger", ["customers"])
        install(root, copy_package(root / "pulse_package", leave_out=("*unit_tests.yml",)))
        for path, text in {
            "models/sources.yml": SOURCES,
            "segments/routes.yml": ROUTES,
            "segments/entities/customers.yml": ENTITY + entity,
            "segments/rich.yml": SEGMENT,
        }.items():
            self.write(path, text)
        self.sql("create schema shop")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def set_vars(self, **variables: str) -> None:
        """Write the vars of dbt_project.yml anew, as YAML."""
        lines = "".join(f"  {n}: {v}\n" for n, v in {"pulse_entities": "[customers]", **variables}.items())
        path = self.root / "dbt_project.yml"
        path.write_text(path.read_text(encoding="utf-8").split("vars:")[0] + "vars:\n" + lines, encoding="utf-8")
        read_project.cache_clear()

    def at(self, clock: str) -> None:
        now = datetime.fromisoformat(clock).replace(tzinfo=UTC)
        self._patch.setattr("pulse_runner.cli.PulseContext", partial(PulseContext, now=now))

    def pulse(self, *args: str, code: int = 0) -> Result:
        done = CliRunner().invoke(cli, ["--project-dir", str(self.root), *args])
        assert done.exit_code == code, done.output
        return done

    def sql(self, *statements: str) -> None:
        warehouse: Any = connect(self.root)
        try:
            for statement in statements:
                warehouse._execute(statement, ())
        finally:
            warehouse.close()

    def query(self, sql: str, *tables: str) -> list[dict[str, Any]]:
        warehouse = connect(self.root)
        try:
            return warehouse.query(sql.format(*(warehouse.table(t) for t in tables)))
        finally:
            warehouse.close()

    def snapshots(self) -> dict[str, tuple[str, int | None]]:
        rows = self.query("select * from {} where segment_id = 'rich'", "pulse_segment_snapshots")
        return {str(r["snapshot_date"]): (r["status"], r["size"]) for r in rows}


def make_shop(folder: Path, monkeypatch: pytest.MonkeyPatch, entity: str, profile: str | None = None) -> Shop:
    """Make the project; `entity` is what its entity says beyond name, relation and key, `profile` the text of a profiles.yml."""
    monkeypatch.setenv("HOME", str(folder / "home"))
    for name in ("DBT_PROFILES_DIR", "PULSE_PROJECT_DIR", "PULSE_TARGET", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (folder / "shop").mkdir()
    read_project.cache_clear()
    return Shop(folder / "shop", monkeypatch, entity, profile)
