"""`pulse known-events`: public holidays into the seed, and nothing else touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pulse_runner.cli import cli

OWN = 'starts_on,ends_on,scope,scope_value,reason\n2026-12-24,2026-12-27,owner,growth-team,"Closed, all of us"\n'
YEAR = ("--country", "GB", "--from", "2026-04-01", "--to", "2026-05-31")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text("name: pulse\n")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "pulse_known_events.csv").write_text(OWN)
    return tmp_path


def pulse(root: Path, *args: str) -> Result:
    return CliRunner().invoke(cli, ["--project-dir", str(root), "known-events", *args])


def text(root: Path) -> str:
    return (root / "seeds" / "pulse_known_events.csv").read_text()


def test_holidays_are_added_once_after_the_lines_that_people_wrote(root: Path) -> None:
    assert pulse(root, "add", *YEAR).exit_code == 0
    added = text(root)
    assert added.startswith(OWN)
    assert "2026-04-03,2026-04-03,all,,Good Friday\n" in added
    assert "2026-05-25,2026-05-25,all,,Spring Bank Holiday\n" in added
    assert "Easter Monday" not in added  # not in all of the United Kingdom
    again = pulse(root, "add", *YEAR)
    assert (again.exit_code, text(root)) == (0, added)
    assert "0 events added" in again.output


def test_a_region_and_a_scope_are_kept_apart(root: Path) -> None:
    england = ("--region", "ENG", "--scope", "entity", "--scope-value", "customers")
    assert pulse(root, "add", *YEAR, *england).exit_code == 0
    assert "2026-04-06,2026-04-06,entity,customers,Easter Monday\n" in text(root)
    listed = pulse(root, "list", "--format", "csv").output
    assert '2026-12-24,2026-12-27,owner,growth-team,"Closed, all of us"' in listed
    assert "2026-04-03,2026-04-03,entity,customers,Good Friday" in listed


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ("--country", "UKK", "--from", "2026-01-01", "--to", "2026-12-31"),
            "--country UKK: no public holidays are known",
        ),
        ((*YEAR, "--region", "XX"), "--region XX: GB has "),
        ((*YEAR, "--scope", "owner"), "together with --scope-value"),
        (("--country", "GB", "--from", "2026-02-01", "--to", "2026-01-01"), "is after --to"),
    ],
)
def test_a_wrong_option_says_so_and_writes_nothing(root: Path, args: tuple[str, ...], said: str) -> None:
    result = pulse(root, "add", *args)
    assert (result.exit_code, text(root)) == (2, OWN)
    assert said in result.output


def test_a_dry_run_writes_nothing_and_a_broken_line_is_named(root: Path) -> None:
    assert "Good Friday" in pulse(root, "add", *YEAR, "--dry-run").output
    assert text(root) == OWN
    (root / "seeds" / "pulse_known_events.csv").write_text(OWN + "2026-01-02,2026-01-01,all,,backwards\n")
    assert "line 3: ends_on 2026-01-01 is before" in pulse(root, "list").output
