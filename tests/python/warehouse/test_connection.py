"""The warehouse edge: the same answers on DuckDB and Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlglot

from pulse_runner.errors import BusyError, WarehouseError
from pulse_runner.warehouse.connection import OpenWarehouse, _driver_sql, connect
from pulse_runner.warehouse.opened import Opened
from pulse_runner.warehouse.project import is_embedded, project_vars
from pulse_runner.warehouse.rendering import render


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    (tmp_path / "dbt_project.yml").write_text(
        "name: pulse\nprofile: pulse\nvars:\n  pulse_timezone: UTC\n  pulse:\n    pulse_timezone: Europe/Berlin\n"
    )
    if request.param == "postgres":
        profile = request.getfixturevalue("postgres_profile")
        (tmp_path / "profiles.yml").write_text(profile)
    return tmp_path


@pytest.fixture
def opened(project: Path) -> Iterator[object]:
    warehouse = connect(project)
    if warehouse.dialect == "postgres":
        schema = warehouse.table("x").rsplit(".", 1)[0].split(".")[-1]
        warehouse._execute(f"create schema if not exists {schema}", ())
    warehouse._execute(f"drop table if exists {warehouse.table('things')}", ())
    warehouse._execute(f"create table {warehouse.table('things')} (name varchar(50), day date, n bigint)", ())
    yield warehouse
    warehouse.close()


def test_replacing_the_same_rows_twice_gives_the_same_table(opened) -> None:
    rows = [{"name": "it's; --", "day": date(2026, 1, 2), "n": 3}, {"name": "50 %", "day": None, "n": None}]
    for _ in range(2):
        opened.replace("things", ["name"], rows)
    assert opened.query(f"select * from {opened.table('things')} order by name desc") == rows


def test_a_failed_transaction_leaves_nothing_behind(opened) -> None:
    def fail() -> None:
        with opened.transaction():
            opened.replace("things", ["name"], [{"name": "a", "day": None, "n": 1}])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert opened.query(f"select count(*) as n from {opened.table('things')}") == [{"n": 0}]


def test_a_question_mark_in_a_literal_is_not_a_placeholder(opened) -> None:
    assert opened.query("select '?' as q, 7 % 4 as r, cast(? as integer) as p", [5]) == [{"q": "?", "r": 3, "p": 5}]


def test_a_frame_has_dates_as_datetimes_and_missing_counts_as_nan(opened) -> None:
    opened.replace("things", ["name"], [{"name": "a", "day": date(2026, 1, 2), "n": None}])
    frame = opened.frame(f"select name, day as snapshot_date, n from {opened.table('things')}")
    assert str(frame["snapshot_date"].dtype).startswith("datetime64")
    assert frame["n"].isna().tolist() == [True]


@pytest.mark.postgres
def test_a_second_run_of_a_stage_is_refused_while_the_first_is_at_it(tmp_path, monkeypatch, postgres_profile) -> None:
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    (tmp_path / "dbt_project.yml").write_text("name: pulse\nprofile: pulse\n")
    (tmp_path / "profiles.yml").write_text(postgres_profile)
    first, second = connect(tmp_path), connect(tmp_path)
    with first.exclusive("detect"):
        with pytest.raises(BusyError, match="Another run of Pulse is at `detect`"), second.exclusive("detect"):
            pass
        with second.exclusive("alert"):
            pass
    with second.exclusive("detect"):
        pass
    first.close()
    second.close()


def test_a_refused_statement_says_what_was_tried(opened) -> None:
    with pytest.raises(WarehouseError, match=r"refused `select nothing from nowhere`"):
        opened.query("select nothing from nowhere")


def test_without_a_profile_an_embedded_file_is_used_and_given_back(tmp_path, monkeypatch) -> None:
    import duckdb

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    (tmp_path / "dbt_project.yml").write_text("name: pulse\nprofile: pulse\n")
    assert is_embedded(tmp_path)
    warehouse = connect(tmp_path)
    assert warehouse.dialect == "duckdb"
    warehouse.close()
    duckdb.connect(str(tmp_path / "pulse.duckdb")).close()


def test_a_file_held_by_another_process_is_named_as_busy(tmp_path, monkeypatch) -> None:
    import subprocess
    import sys

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    (tmp_path / "dbt_project.yml").write_text("name: pulse\nprofile: pulse\n")
    code = f"import duckdb; c = duckdb.connect({str(tmp_path / 'pulse.duckdb')!r}); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match="held by another process"):
            connect(tmp_path)
        holder.communicate(b"\n")


def test_the_projects_own_vars_win_over_the_global_ones(project: Path) -> None:
    assert project_vars(project)["pulse_timezone"] == "Europe/Berlin"


def test_placeholders_become_the_drivers_own() -> None:
    assert _driver_sql("select '?' where a = ? -- why?\nand b like '%x'", "postgres") == (
        "select '?' where a = %s -- why?\nand b like '%%x'"
    )


class Recorder:
    """A cursor that takes down what it is sent: a warehouse that nobody has here."""

    description = (("n",),)

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[object, ...]]] = []

    def execute(self, sql: str, params: tuple[object, ...] = ()) -> None:
        self.sent.append((sql, params))

    def fetchall(self) -> list[tuple[object, ...]]:
        return []


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery", "databricks", "redshift", "spark"])
def test_another_warehouse_is_sent_its_own_words_with_the_values_apart(tmp_path: Path, dialect: str) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: pulse\nprofile: pulse\n")
    cursor = Recorder()
    warehouse = OpenWarehouse(
        Opened(dialect, "shop", lambda: cursor, lambda name: f"shop.{name}", lambda: None), tmp_path
    )
    warehouse.insert("pulse_runs", [{"run_id": "a", "seconds": 1}, {"run_id": "it's", "seconds": None}])
    warehouse.delete("pulse_runs", "run_id", "a")
    warehouse.query("select cast(? as double precision) as n from shop.t where d >= date '2026-05-01'", [1])
    sent = [(sql, params) for sql, params in cursor.sent if params]
    assert [params for _, params in sent] == [("a", 1, "it's", None), ("a",), (1,)]
    for sql, params in sent:
        assert sql.count("%s") == len(params)
        assert sqlglot.parse_one(sql.replace("%s", "?"), read=dialect) is not None
    double = {"bigquery": "FLOAT64", "redshift": "DOUBLE PRECISION"}.get(dialect, "DOUBLE")
    assert f"CAST(%s AS {double})" in sent[-1][0]


def test_what_a_warehouse_has_no_words_for_is_an_error_that_names_the_statement() -> None:
    with pytest.raises(WarehouseError, match=r"`select unnest\(\?\) as a` cannot be said in redshift"):
        render("select unnest(?) as a", "redshift")
