"""`pulse explain`, on a project with an embedded DuckDB file."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from explain_world import World, headline_fault

from pulse_runner.cli import cli

ENTITY = """\
entity: customers
relation: ref('dim_customers_daily')
key: customer_id
history: {as_of: snapshot_date}
fields: {ltv: number, country: text, last_active_at: timestamp, last_active_days: {days_since: last_active_at}}
attributes: [country]
"""
VIP = """\
segment: vip
entity: customers
owner: growth-team
rules:
  - {field: ltv, operator: ">", value: 1000}
  - {field: last_active_days, operator: "<=", value: 7}
"""


@pytest.fixture
def shop(quiet_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENAI_API_KEY", "DBT_PROFILES_DIR", "PULSE_TARGET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = tmp_path / "shop"
    (root / "segments" / "entities").mkdir(parents=True)
    (root / "dbt_project.yml").write_text("name: pulse\nversion: '1'\nconfig-version: 2\nprofile: pulse\n")
    (root / "segments" / "entities" / "customers.yml").write_text(ENTITY)
    (root / "segments" / "vip.yml").write_text(VIP)
    shutil.copy(quiet_file, root / "pulse.duckdb")
    world = World(str(root / "pulse.duckdb"))
    headline_fault(world)
    world.close()
    return root


def pulse(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--project-dir", str(root), "explain", *arguments], catch_exceptions=False)


def test_the_command_explains_stores_and_says_nothing_new_the_second_time(shop: Path) -> None:
    first = pulse(shop)
    assert first.exit_code == 0, first.stderr
    assert "1 new explanation\n" in first.stderr
    assert first.stdout.startswith("42 % fewer members since 14 May: 422 of 429 leavers left by `ltv > 1000`;")
    again = pulse(shop, "inc1", "--evidence")
    assert "0 new explanations\n" in again.stderr
    assert "       | select direction, cause, detail, columns," in again.stdout


def test_a_dry_run_prints_the_same_and_stores_nothing(shop: Path) -> None:
    dry = pulse(shop, "--dry-run")
    assert "Column ltv lost values" in dry.stdout
    world = World(str(shop / "pulse.duckdb"))
    assert world.query("select count(*) as n from pulse_incident_explanations") == [{"n": 0}]
    assert world.query("select count(*) as n from pulse_runs") == [{"n": 0}]
    world.close()


def test_json_is_json_all_the_way_down_and_csv_has_a_header(shop: Path) -> None:
    (row,) = json.loads(pulse(shop, "--format", "json", "--evidence").stdout)
    assert row["hypotheses"][0]["cause"] == "null_burst"
    assert row["evidence"][0]["id"] == "E1"
    (line,) = csv.DictReader(io.StringIO(pulse(shop, "--format", "csv").stdout))
    assert line["source"] == "rules"


def test_an_unknown_incident_is_a_usage_error(shop: Path) -> None:
    result = pulse(shop, "nope")
    assert result.exit_code == 2
    assert "There is no incident 'nope'" in result.stderr
    assert pulse(shop, "inc1", "--date", "2026-05-14").exit_code == 2


def test_help_is_one_sentence_and_an_example() -> None:
    text = CliRunner().invoke(cli, ["explain", "--help"]).stdout
    assert "Gather evidence and explain incidents" in text
    assert "pulse explain INC-42 --evidence" in text
