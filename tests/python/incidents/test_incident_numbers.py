"""What people call an incident: a number that is given once, whatever is repeated and whoever runs at the same time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulse_runner.cli import cli
from pulse_runner.cli.completion import complete_incidents
from pulse_runner.errors import UsageError
from pulse_runner.incidents.actions import VERBS, act
from pulse_runner.incidents.incident import Incident, Transition, transition
from pulse_runner.incidents.store import find_incident, find_incidents, list_incidents, save
from pulse_runner.warehouse.connection import connect
from tests.python.alert.store import NOW, TABLES, D, incident, incident_row

NAMES = ("pulse_incidents", "pulse_incident_events", "pulse_incident_explanations", "pulse_alert_deliveries")


@pytest.fixture
def root(empty_schema: Path) -> Path:
    opened: Any = connect(empty_schema)
    for name in NAMES:
        opened._execute(f"drop table if exists {opened.table(name)}", ())
        opened._execute(f"create table {opened.table(name)} ({TABLES[name]})", ())
    opened.close()
    return empty_schema


@pytest.fixture
def warehouse(root: Path) -> Iterator[Any]:
    opened = connect(root)
    yield opened
    opened.close()


def opening(identity: str, days: int = 0, **row: object) -> Transition:
    made = incident(identity, detected_on=D + timedelta(days=days), **row)
    return transition(None, made, "opened", made.detected_on, NOW, "pulse", "seen")


def numbers(warehouse: Any) -> dict[str, int | None]:
    return {i.incident_id: i.number for i in list_incidents(warehouse)}


def test_a_number_is_given_once_in_the_order_in_which_incidents_are_found(warehouse: Any) -> None:
    save(warehouse, [opening("bb", 1), opening("aa"), opening("cc", 1)])
    assert numbers(warehouse) == {"aa": 1, "bb": 2, "cc": 3}
    save(warehouse, [opening("cc", 1), opening("aa"), opening("dd", 0)])
    assert numbers(warehouse) == {"aa": 1, "bb": 2, "cc": 3, "dd": 4}, "a repeat changes nothing"
    save(warehouse, [act(VERBS["acknowledge"], find_incident(warehouse, "INC-2"), "ana", D, NOW)])
    assert (find_incident(warehouse, "bb").status, find_incident(warehouse, "bb").number) == ("acknowledged", 2)


def test_rows_of_an_earlier_version_get_their_numbers_with_the_next_change(warehouse: Any) -> None:
    old = [incident_row(i, detected_on=D + timedelta(days=n)) for n, i in ((5, "late"), (1, "early"))]
    warehouse.replace("pulse_incidents", ["incident_id"], old)
    assert find_incident(warehouse, "early").name == "early"
    save(warehouse, [opening("new", 3)])
    assert numbers(warehouse) == {"early": 1, "late": 2, "new": 3}


def test_an_incident_is_found_by_its_number_and_by_the_start_of_its_id(warehouse: Any) -> None:
    save(warehouse, [opening("abc1"), opening("abd2", 1)])
    for text in ("INC-2", "inc-2", "abd", "ABD2"):
        assert find_incident(warehouse, text).incident_id == "abd2"
    assert find_incident(warehouse, "INC-2").name == "INC-2"
    with pytest.raises(UsageError, match="There is no incident 'INC-3'"):
        find_incident(warehouse, "INC-3")
    with pytest.raises(UsageError, match="'ab' fits 2 incidents"):
        find_incident(warehouse, "ab")
    with pytest.raises(UsageError, match="is not an incident"):
        find_incident(warehouse, "INC-2%")


def test_a_group_is_what_has_the_same_cause(warehouse: Any) -> None:
    save(warehouse, [opening("a1", group_key="g"), opening("a2", group_key="g"), opening("a3", group_key="h")])
    found = find_incidents(warehouse, ["INC-1", "a1"], group=True)
    assert [i.incident_id for i in found] == ["a1", "a2"]
    assert [i.incident_id for i in find_incidents(warehouse, ["INC-1", "a3", "a1"])] == ["a1", "a3"]


WRITER = """
import sys
from pathlib import Path
from tests.python.incidents.test_incident_numbers import opening
from pulse_runner.incidents.store import save
from pulse_runner.warehouse.connection import connect
warehouse = connect(Path(sys.argv[1]))
for n in range(8):
    save(warehouse, [opening(f"{sys.argv[2]}{n}")])
warehouse.close()
"""


@pytest.mark.parametrize("empty_schema", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_runs_at_the_same_time_never_give_one_number_twice(root: Path) -> None:
    here = str(Path(__file__).parents[3])
    started = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(root), name], cwd=here, stderr=subprocess.PIPE, text=True)
        for name in ("a", "b", "c")
    ]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    warehouse = connect(root)
    given = sorted(n for n in numbers(warehouse).values() if n is not None)
    warehouse.close()
    assert given == list(range(1, 25))


def pulse(root: Path, *args: str) -> Result:
    return CliRunner().invoke(cli, ["--project-dir", str(root), *args])


def plant(root: Path, *changes: Transition) -> None:
    warehouse = connect(root)
    save(warehouse, changes)
    warehouse.close()


def test_commands_take_several_and_change_all_or_none(root: Path) -> None:
    plant(root, opening("a1"), opening("b2"), opening("c3"))
    done = pulse(root, "incidents", "acknowledge", "INC-1", "b2", "--by", "ana")
    assert (done.exit_code, done.stdout) == (0, "INC-1: open -> acknowledged\nINC-2: open -> acknowledged\n")
    again = pulse(root, "incidents", "acknowledge", "INC-1", "b2", "--by", "ana")
    assert again.stdout == "INC-1: acknowledged, nothing to change\nINC-2: acknowledged, nothing to change\n"
    pulse(root, "incidents", "resolve", "INC-1")
    refused = pulse(root, "incidents", "acknowledge", "INC-3", "INC-1")
    assert refused.exit_code == 2
    assert "INC-1 is resolved" in refused.stderr
    warehouse = connect(root)
    assert {i.name: i.status for i in list_incidents(warehouse)} == {
        "INC-1": "resolved", "INC-2": "acknowledged", "INC-3": "open",
    }  # fmt: skip
    warehouse.close()
    listed = pulse(root, "incidents", "list", "--format", "csv").stdout.splitlines()
    assert listed[0].startswith("incident,status,")
    assert {line.split(",")[0] for line in listed[1:]} == {"INC-2", "INC-3"}
    assert pulse(root, "incidents", "show", "inc-3").stdout.startswith("INC-3  ")


def test_a_group_is_handled_with_one_command_and_what_is_over_stays(root: Path) -> None:
    over: dict[str, Any] = {"status": "resolved", "resolution": "person", "resolved_on": D}
    plant(root, opening("a1", group_key="g"), opening("b2", group_key="g"), opening("c3", group_key="g", **over))
    shown = pulse(root, "incidents", "resolve", "INC-1", "--group", "--dry-run")
    assert shown.stdout == "INC-1: open -> would be resolved\nINC-2: open -> would be resolved\n"
    done = pulse(root, "incidents", "resolve", "INC-1", "--group", "--note", "load repaired")
    assert done.stdout == "INC-1: open -> resolved\nINC-2: open -> resolved\n"


def test_a_shell_completes_incidents_by_name_and_by_id(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(root, opening("a1f0"), opening("b2f0"))
    words = f"pulse --project-dir {root} incidents acknowledge "

    def completed(begun: str) -> list[str]:
        env = {"_PULSE_COMPLETE": "bash_complete", "COMP_WORDS": words + begun, "COMP_CWORD": "5"}
        done = CliRunner(env=env).invoke(cli, [], prog_name="pulse", complete_var="_PULSE_COMPLETE")
        return [line.split(",", 1)[1] for line in done.stdout.splitlines() if "," in line]

    assert completed("") == ["INC-1", "INC-2"]
    assert completed("inc-2") == ["INC-2"]
    assert completed("b2") == ["b2f0"]
    assert completed("x") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed(shell: str) -> None:
    script = CliRunner().invoke(cli, ["completion", shell], prog_name="pulse").stdout
    assert f"_PULSE_COMPLETE={shell}_complete" in script
    assert complete_incidents.__doc__


def test_an_incident_without_a_number_goes_by_its_id() -> None:
    made: Incident = incident("aaaa1111bbbb2222")
    assert made.name == "aaaa1111bbbb2222"
    assert replace(made, number=42, updated_at=datetime(2026, 1, 1)).name == "INC-42"
