"""`pulse snapshot` writes every build into pulse_runs, the failed ones too, with the seconds that it took."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner, Result
from package_project import copy_package, install

from pulse_runner.cli import cli
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import load_project

D1, D2 = "2024-02-28", "2024-02-29"
ENTITY = "entity: people\nrelation: ref('people')\nkey: id\nhistory: {as_of: day}\nfields: {ltv: number}\n"
SEGMENT = 'segment: rich\nentity: people\nowner: me\nrules:\n  - {field: ltv, operator: ">", value: 9}\n'

pytestmark = pytest.mark.postgres_in_matrix


@pytest.fixture
def shop(world):
    """Give a world with one segment, the runner's tables and two days of rows; nothing is built yet."""
    (world.root / "segments" / "entities").mkdir(parents=True)
    (world.root / "segments" / "entities" / "people.yml").write_text(ENTITY)
    (world.root / "segments" / "rich.yml").write_text(SEGMENT)
    world.compile(load_project(world.root, SCHEMA))
    world.table("people", {"id": "integer", "ltv": "integer", "day": "date"}, [(1, 10, D1), (1, 10, D2)])
    # a copy of its own: with the runner's tables, and to be broken
    install(world.root, copy_package(world.root / "pulse_package", leave_out=("*unit_tests.yml", "marts")))
    return world


def pulse(world, *args: str) -> Result:
    return CliRunner().invoke(cli, ["--project-dir", str(world.root), *args])


def runs(world) -> list[dict]:
    return world.query("select * from {pulse_runs} order by started_at, run_id")


def test_a_build_is_recorded_with_its_dates_counts_and_real_seconds(shop) -> None:
    clock = time.monotonic()
    done = pulse(shop, "snapshot", "--from", D1, "--to", D2)
    elapsed = time.monotonic() - clock
    assert done.exit_code == 0, done.output
    (row,) = runs(shop)
    assert (row["stage"], row["outcome"], str(row["from_date"]), str(row["to_date"]), row["message"]) == (
        "snapshot", "ok", D1, D2, "",
    )  # fmt: skip
    # dbt alone takes longer than a second to start; the rest of the command is reading the table that it prints
    assert 0.5 * elapsed < row["seconds"] < elapsed
    counts = json.loads(row["counts"])
    assert counts["success"] >= 16
    assert set(counts) == {"success", "pass"}
    assert row["finished_at"] >= row["started_at"]


def test_a_failed_build_is_recorded_with_its_error_and_the_next_one_too(shop) -> None:
    assert pulse(shop, "snapshot", "--date", D1).exit_code == 0
    model = shop.root / "pulse_package/models/snapshots/pulse_segment_flows.sql"
    right = model.read_text(encoding="utf-8")
    model.write_text(right.replace("from facts\n    where", "from there_is_no_such_table\n    where"), encoding="utf-8")
    failed = pulse(shop, "snapshot", "--date", D2)
    model.write_text(right, encoding="utf-8")
    assert failed.exit_code == 1
    assert f"The snapshot of {D2} to {D2} is not complete" in failed.output
    assert "there_is_no_such_table" in failed.output
    assert pulse(shop, "snapshot", "--date", D2).exit_code == 0

    assert [(str(r["from_date"]), r["outcome"]) for r in runs(shop)] == [(D1, "ok"), (D2, "failed"), (D2, "ok")]
    row = runs(shop)[1]
    assert "pulse_segment_flows (error)" in row["message"]
    assert "there_is_no_such_table" in row["message"]
    assert json.loads(row["counts"])["error"] == 1
    assert row["seconds"] > 0.5


def test_a_build_that_fails_before_there_is_a_table_shows_its_own_error(shop) -> None:
    (shop.root / "models/base/people.sql").write_text("select {{ no_such_macro() }}", encoding="utf-8")
    failed = pulse(shop, "snapshot", "--date", D1)
    assert failed.exit_code == 1
    assert "no_such_macro" in failed.output
    assert "pulse_runs" not in failed.output


def test_a_build_that_was_refused_because_the_file_is_held_is_not_a_failed_one(shop) -> None:
    if (shop.root / "profiles.yml").is_file():
        pytest.skip("a server lets several in")
    assert pulse(shop, "snapshot", "--date", D1).exit_code == 0
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(shop.root / "pulse.duckdb")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdout.readline()
    refused = pulse(shop, "snapshot", "--date", D2)
    holder.stdin.close()
    holder.wait(timeout=30)
    assert refused.exit_code == 1
    assert "held by another process" in refused.output
    assert [r["outcome"] for r in runs(shop)] == ["ok"]
