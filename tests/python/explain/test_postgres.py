"""The same facts on Postgres, through the dbt adapter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cause_case import PLANTS
from explain_world import NOW, TABLES, D, World
from test_evidence import is_row_of

from pulse_runner.explain.evidence.gather import gather
from pulse_runner.explain.stage import explain_incidents
from pulse_runner.warehouse.connection import connect


@pytest.fixture
def postgres(postgres_profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Open an empty schema on Postgres with Pulse's tables in it."""
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "dbt_project.yml").write_text("name: pulse\nprofile: pulse\n")
    (tmp_path / "profiles.yml").write_text(postgres_profile)
    warehouse: Any = connect(tmp_path)
    schema = warehouse.table("x").rsplit(".", 1)[0].split(".")[-1]
    warehouse._execute(f"create schema if not exists {schema}", ())
    for name, columns in TABLES.items():
        warehouse._execute(f"drop table if exists {warehouse.table(name)} cascade", ())
        warehouse._execute(f"create table {warehouse.table(name)} ({columns})", ())
    yield warehouse
    warehouse.close()


@pytest.mark.postgres
@pytest.mark.matrix
def test_each_fact_is_a_row_of_its_own_sql_on_postgres_too(world: World, project, postgres) -> None:
    for plant in PLANTS:
        name = plant.__name__
        world.run("begin")
        incident = replace(plant(world), incident_id=name)
        for table in TABLES:
            postgres._execute(f"delete from {postgres.table(table)}", ())
            rows = world.query(f"select * from {table}")
            postgres.replace(table, list(rows[0]) if rows else [], [{**r, **_id(r, name)} for r in rows])
        here = gather(world, incident, project)
        world.run("rollback")
        there = gather(postgres, incident, project)
        assert there.gaps == ()
        assert [(e.kind, e.statement, e.values) for e in there.evidence] == [
            (e.kind, e.statement, e.values) for e in here.evidence
        ]
        for fact in there.evidence:
            assert any(is_row_of(fact, row, 5) for row in postgres.query(fact.sql))
        (stored,) = explain_incidents(postgres, project, D, NOW, {})
        assert explain_incidents(postgres, project, D, NOW, {}) == []
        assert stored.incident_id == name


def _id(row: dict, name: str) -> dict:
    return {"incident_id": name} if "incident_id" in row and "group_key" in row else {}
