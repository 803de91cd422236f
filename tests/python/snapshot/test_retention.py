"""`pulse prune` deletes what is older than the project keeps it, counted from the latest snapshot, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from plain_dbt import Built, dbt

from pulse_runner.cli import cli
from pulse_runner.errors import UsageError
from pulse_runner.snapshot.retention import KEPT, kept_days
from pulse_runner.warehouse.project import read_project

KEEP = "{facts: 60, pulse_segment_changes: 60, pulse_segment_flows: 60, pulse_segment_distributions: 600}"
TABLES = {
    "pulse_customers__facts": 60, "pulse_customers__health": 60, "pulse_segment_changes": 60, "pulse_segment_flows": 60,
    "pulse_segment_distributions": 600,
}  # fmt: skip
LATEST = date(2026, 5, 31)


@pytest.fixture
def keeping(built: Built) -> Iterator[Built]:
    """Give the built shop with the var set, and take it back."""
    settings = built.root / "dbt_project.yml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(before.replace("vars:\n", f"vars:\n  pulse_keep_days: {KEEP}\n", 1), encoding="utf-8")
    read_project.cache_clear()
    yield built
    settings.write_text(before, encoding="utf-8")
    read_project.cache_clear()


def prune(built: Built, *options: str) -> Result:
    return CliRunner().invoke(cli, ["--project-dir", str(built.root), "prune", *options])


def counts(warehouse: Any) -> dict[str, int]:
    names = [*TABLES, "pulse_segment_snapshots", "pulse_entity_health", "pulse_segments"]
    return {n: warehouse.query(f"select count(*) as n from {warehouse.table(n)}")[0]["n"] for n in names}


def add_rows_before(warehouse: Any, table: str, days: int) -> None:
    """Copy the rows of the latest date to the last day that is kept and to the first that is not."""
    columns = [c for c in warehouse.query(f"select * from {warehouse.table(table)} limit 1")[0] if c != "snapshot_date"]
    listed = ", ".join(f'"{c}"' for c in columns)
    for back in (days, days + 1):
        warehouse.change([
            f"insert into {warehouse.table(table)} (snapshot_date, {listed}) select snapshot_date - interval '{back} days', {listed}"
            f" from {warehouse.table(table)} where snapshot_date = date '{LATEST}'"
        ])  # fmt: skip


def test_rows_older_than_the_project_keeps_them_go_and_no_others(keeping: Built) -> None:
    warehouse: Any = keeping.open()
    before = counts(warehouse)
    of_a_day = {
        t: warehouse.query(f"select count(*) as n from {warehouse.table(t)} where snapshot_date = date '{LATEST}'")[0][
            "n"
        ]
        for t in (*TABLES, "pulse_segment_snapshots")
    }
    for table, days in TABLES.items():
        add_rows_before(warehouse, table, days)
    add_rows_before(warehouse, "pulse_segment_snapshots", 60)  # they stay, and of the earlier date no change does
    warehouse.close()
    try:
        tried = prune(keeping, "--dry-run", "--format", "json")
        assert tried.exit_code == 0, tried.output
        assert {row["table"]: row["rows"] for row in json.loads(tried.stdout)} == {t: of_a_day[t] for t in TABLES}
        warehouse = keeping.open()
        there = counts(warehouse)
        warehouse.close()
        assert there == {name: n + 2 * of_a_day.get(name, 0) for name, n in before.items()}

        assert prune(keeping).exit_code == 0
        warehouse = keeping.open()
        left = counts(warehouse)
        warehouse.close()
        of_a_day["pulse_segment_snapshots"] *= 2
        assert left == {name: n + of_a_day.get(name, 0) for name, n in before.items()}
        assert "0 rows deleted" in prune(keeping).stderr  # safe to repeat

        # a part of the changes is gone now, and the package's own tests of them still pass
        tested = dbt(keeping.root, "test", "--select", "pulse_segment_changes_add_up", "pulse_segment_flows_balance")
        assert tested.success, tested.exception
        assert {str(r.status) for r in tested.result.results} == {"pass"}
    finally:  # others use this shop too
        warehouse = keeping.open()
        warehouse.change(
            [f"delete from {warehouse.table(t)} where snapshot_date < date '2026-05-01'" for t in of_a_day]
        )
        warehouse.close()


def test_without_the_var_everything_is_kept(built: Built) -> None:
    done = prune(built)
    assert done.exit_code == 0
    assert done.stderr.startswith("Everything is kept: dbt_project.yml sets no var pulse_keep_days.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{pulse_segment_flow: 60}", "'pulse_segment_flow', which is no table that is kept by days; did you mean `pulse_segment_flows`?"),
        ("{pulse_incidents: 60}", "'pulse_incidents', which is no table that is kept by days"),
        ("{pulse_segment_snapshots: 90}", "keeps pulse_segment_snapshots for '90' days; the fewest are 600."),
        ("{facts: many}", "keeps facts for 'many' days; the fewest are 50."),
        ("{facts: true}", "keeps facts for 'True' days"),
        ("[facts]", "the var pulse_keep_days is not a mapping."),
    ],
)  # fmt: skip
def test_a_var_that_cannot_be_meant_is_refused(tmp_path: Path, given: str, said: str) -> None:
    (tmp_path / "dbt_project.yml").write_text(f"name: shop\nprofile: shop\nvars: {{pulse_keep_days: {given}}}\n")
    read_project.cache_clear()
    with pytest.raises(UsageError) as refused:
        kept_days(tmp_path)
    assert said in str(refused.value)


def test_every_table_with_a_date_in_its_grain_can_be_kept_by_days() -> None:
    root = Path(__file__).parents[3] / "models" / "snapshots"
    dated = {p.stem for p in root.glob("pulse_*.sql")} - {"pulse_segments"}
    assert dated <= set(KEPT)
