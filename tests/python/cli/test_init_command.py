"""From an empty folder and a table to a first snapshot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pulse_runner.warehouse.connection import connect


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("DBT_PROFILES_DIR", "PULSE_PROJECT_DIR", "PULSE_TARGET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "audiences"


def pulse(*args: str, cwd: Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "pulse_runner", *args], cwd=cwd, capture_output=True, text=True)
    assert not ok or done.returncode == 0, done.stderr + done.stdout
    return done


@pytest.mark.matrix
def test_a_table_becomes_a_snapshot_in_five_commands(folder: Path) -> None:
    pulse("init", str(folder), cwd=folder.parent)
    with duckdb.connect(str(folder / "pulse.duckdb")) as c:
        c.execute("create schema shop")
        c.execute(
            "create table shop.customers as select i as customer_id, i * 10.0 as ltv, case when i % 2 = 0 then 'DE' else 'FR' end as country,"
            " 'p' || i || '@example.com' as email, current_date as seen_on from range(1, 101) as r(i)"
        )
    pulse("init", ".", "--relation", "source('shop', 'customers')", "--key", "customer_id", cwd=folder)
    entity = (folder / "segments" / "entities" / "customers.yml").read_text(encoding="utf-8")
    assert "  ltv: number\n  country: text\n  email: text\n  seen_on: date\n" in entity
    assert "attributes: [country] " in entity
    rule = '{field: ltv, operator: ">", value: 500}'
    pulse("segments", "create", "rich", "--entity", "customers", "--owner", "me", "--rule", rule, cwd=folder)
    pulse("compile", cwd=folder)
    pulse("run", cwd=folder)
    warehouse = connect(folder)
    rows = warehouse.query(
        f"select segment_id, size, status from {warehouse.table('pulse_segment_snapshots')} order by segment_id"
    )
    members = warehouse.query(f"select count(*) as n from {warehouse.table('seg_rich')}")
    warehouse.close()
    first = {"segment_id": "customers_high_ltv", "size": 50, "status": "ok"}
    assert rows == [first, {"segment_id": "rich", "size": 50, "status": "ok"}]
    assert members == [{"n": 50}]


def test_files_that_exist_are_kept(folder: Path) -> None:
    folder.mkdir()
    (folder / "README.md").write_text("mine\n", encoding="utf-8")
    done = pulse("init", str(folder), cwd=folder.parent)
    assert "kept    README.md" in done.stdout
    assert (folder / "README.md").read_text(encoding="utf-8") == "mine\n"


def test_a_column_that_is_not_there_is_named(folder: Path) -> None:
    pulse("init", str(folder), cwd=folder.parent)
    with duckdb.connect(str(folder / "pulse.duckdb")) as c:
        c.execute("create table main.people as select 1 as id")
    done = pulse("init", ".", "--relation", "source('main', 'people')", "--key", "person_id", cwd=folder, ok=False)
    assert done.returncode == 2
    assert "people has no column 'person_id'.\n  It has id." in done.stderr


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    done = pulse("init", str(folder), "--dry-run", cwd=folder.parent)
    assert "would write   dbt_project.yml" in done.stdout
    assert not folder.exists()
