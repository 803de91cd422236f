"""A small dbt project around the engine, on DuckDB and on Postgres: literal rows in, public tables out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from package_project import copy_package, install, write_project

from pulse_runner.compile.write import write_models
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.dbt import DbtResult, run_dbt
from pulse_runner.warehouse.project import read_project

Rows = Sequence[Sequence[object]]


def sql_value(value: object) -> str:
    """Return a SQL literal for a fixture's value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return (
        "'"
        + str(value)
        .replace("'", "''")
        .replace("{{", "{{ '{{' }}")
        .replace("{%", "{{ '{%' }}")
        .replace("{#", "{{ '{#' }}")
        + "'"
    )


class World:
    """One dbt project in a folder of its own."""

    def __init__(self, root: Path, package: Path, profile: str | None) -> None:
        self.root = root
        (root / "models" / "base").mkdir(parents=True)
        write_project(root, "world")
        install(root, package)
        if profile:
            (root / "profiles.yml").write_text(profile)

    def table(self, name: str, columns: Mapping[str, str], rows: Rows) -> None:
        """Write a model that is a table of literal rows; `columns` maps names to SQL types."""
        cast = [f"cast({c} as {t}) as {c}" for c, t in columns.items()]
        values = ",\n".join("(" + ", ".join(map(sql_value, row)) + ")" for row in rows)
        empty = f"select {', '.join(f'cast(null as {t}) as {c}' for c, t in columns.items())} where 1 = 0"
        body = f"select {', '.join(cast)} from (values\n{values}\n) as given({', '.join(columns)})" if rows else empty
        (self.root / f"models/base/{name}.sql").write_text("{{ config(materialized='table') }}\n" + body)

    def compile(self, project: Project) -> None:
        write_project(self.root, "world", project.entities)
        read_project.cache_clear()
        write_models(project, self.root)

    def build(
        self, first: str | None = None, last: str | None = None, *, command: str = "build", **variables: Any
    ) -> DbtResult:
        """Run `dbt build` (or another command) over a window of dates."""
        if first:
            variables |= {"pulse_from": first, "pulse_to": last or first}
        # the unit tests have a test of their own (tests/python/dbt_project)
        without = ["--exclude-resource-type", "unit_test"] if command == "build" else []
        return run_dbt(self.root, [command, *without, "--vars", json.dumps(variables)])

    def built(
        self, first: str | None = None, last: str | None = None, *, command: str = "build", **variables: Any
    ) -> None:
        """Run `dbt build` and fail the test when a node fails."""
        result = self.build(first, last, command=command, **variables)
        assert result.failures == ()

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Query with {table} for the qualified name of a table."""
        warehouse = connect(self.root)
        try:
            own = [*self.root.glob("models/**/*.sql"), *self.root.glob("dbt_packages/pulse/models/**/*.sql")]
            names = {p.stem: warehouse.table(p.stem) for p in own}
            return warehouse.query(sql.format(**names))
        finally:
            warehouse.close()

    def content(self, table: str) -> list[tuple[object, ...]]:
        """Return the rows of a table, sorted."""
        return sorted(tuple(map(str, r.values())) for r in self.query(f"select * from {{{table}}}"))

    def sizes(self, day: str) -> dict[str, int | None]:
        rows = self.query(
            f"select segment_id, size from {{pulse_segment_snapshots}} where snapshot_date = cast('{day}' as date)"
        )
        return {r["segment_id"]: r["size"] for r in rows}


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the package without the tables that the runner fills and without unit tests, which say nothing about a world."""
    leave_out = ("*unit_tests.yml", "incidents", "marts")
    return copy_package(tmp_path_factory.mktemp("package") / "pulse", leave_out=leave_out)


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_world(
    request: pytest.FixtureRequest, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], World]:
    """Give a function that makes an empty world on the warehouse in turn."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    profile = request.getfixturevalue("postgres_profile") if request.param == "postgres" else None
    made: list[World] = []

    def make() -> World:
        text = profile.replace("schema: pulse_", f"schema: w{len(made)}_") if profile else None
        made.append(World(tmp_path / f"world{len(made)}", package, text))
        return made[-1]

    return make


@pytest.fixture
def world(new_world: Callable[[], World]) -> World:
    return new_world()


def day(text: str) -> date:
    return date.fromisoformat(text)


__all__ = ["World", "datetime", "day", "new_world", "sql_value", "world"]
