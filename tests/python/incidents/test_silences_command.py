"""`pulse silences` on each warehouse: added, listed, ended, and read by whoever decides about messages."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from pulse_runner.alert.silences import read_silences
from pulse_runner.alert.situation import read_situation
from pulse_runner.segments.model import Project
from pulse_runner.segments.routing import Match
from pulse_runner.warehouse.connection import connect
from tests.python.alert.store import NOW, TABLES
from tests.python.incidents.test_incident_numbers import opening, plant, pulse, root

__all__ = ["root"]


def make_table(root: Path) -> None:
    opened = connect(root)
    opened.change([f"create table {opened.table('pulse_silences')} ({TABLES['pulse_silences']})"])
    opened.close()


def listed(root: Path, *options: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(pulse(root, "silences", "list", "--format", "json", *options).stdout)
    return found


def test_a_silence_is_added_listed_and_ended(root: Path) -> None:
    make_table(root)
    plant(root, opening("a1"))
    shown = pulse(root, "silences", "add", "--incident", "INC-1", "--hours", "2", "--why", "backfill", "--dry-run")
    assert "incident a1: would be silenced until" in shown.stdout
    assert listed(root) == []
    for options in (
        ("--incident", "INC-1", "--hours", "2"),
        ("--segment", "v*", "--owner", "crm", "--until", "2999-01-01"),
    ):
        done = pulse(root, "silences", "add", *options, "--why", "backfill", "--by", "ana")
        assert done.exit_code == 0, done.output
    rows = {r["matches"]: r for r in listed(root)}
    assert set(rows) == {"incident a1", "owner crm, segment v*"}
    assert rows["owner crm, segment v*"]["ends_at"] == "2999-01-01 00:00:00"
    assert (rows["incident a1"]["state"], rows["incident a1"]["created_by"]) == ("holds", "ana")
    ended = pulse(root, "silences", "expire", rows["incident a1"]["silence"], "--by", "bob")
    assert ended.stdout == f"{rows['incident a1']['silence']}: incident a1: over\n"
    assert [r["matches"] for r in listed(root)] == ["owner crm, segment v*"]
    assert {r["state"] for r in listed(root, "--all")} == {"holds", "over"}
    warehouse = connect(root)
    over = next(s for s in read_silences(warehouse) if s.scope == Match(incident=("a1",)))
    warehouse.close()
    assert over.ended_by == "bob"
    assert not over.is_live(over.created_at + timedelta(hours=1))


def test_what_makes_no_silence_is_refused(root: Path) -> None:
    make_table(root)
    for options, said in (
        (("--segment", "x"), "A silence needs an end"),
        (("--segment", "x", "--hours", "1", "--until", "2999-01-01"), "A silence needs an end"),
        (("--hours", "1"), "A silence needs something to match"),
        (("--segment", "x", "--until", "2020-01-01"), "has passed"),
    ):
        refused = pulse(root, "silences", "add", *options, "--why", "x")
        assert refused.exit_code == 2
        assert said in refused.stderr
    refused = pulse(root, "silences", "expire", "3f2a")
    assert "'3f2a' is no silence" in refused.stderr


def test_a_warehouse_without_the_table_has_no_silence(root: Path) -> None:
    warehouse = connect(root)
    found = read_situation(warehouse, Project({}, {}, {}), [], NOW)
    warehouse.close()
    assert (found.silences, found.sent) == ([], {})
    assert "Pulse has no pulse_silences" in pulse(root, "silences", "list").stderr
