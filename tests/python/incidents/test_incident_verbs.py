"""What people do to incidents, from the command line and from Python: each act is an event, and a repeat is none."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from pulse_runner import Pulse
from pulse_runner.incidents.store import events_of, find_incident
from pulse_runner.warehouse.connection import connect
from tests.python.incidents.test_incident_numbers import opening, plant, pulse, root

__all__ = ["root"]

CALLS = (
    ("assign", "--to", "bob"),
    ("comment", "--note", "asked the vendor"),
    ("snooze", "--until", "2999-01-01"),
    ("acknowledge",),
    ("ignore", "--until", "2999-01-01"),
    ("ignore",),
    ("false-alarm", "--why", "stock-taking"),
    ("reopen",),
    ("resolve",),
)
SAID = (
    "in the hands of bob", "noted", "snoozed until 2999-01-01", "open -> acknowledged",
    "acknowledged -> ignored until 2999-01-01", "ignored for good", "ignored -> resolved", "resolved -> open", "open -> resolved",
)  # fmt: skip


def test_every_verb_is_an_event_with_who_and_why_and_a_repeat_is_none(root: Path) -> None:
    plant(root, opening("a1"))
    for (verb, *options), said in zip(CALLS, SAID, strict=True):
        first = pulse(root, "incidents", verb, "INC-1", "--by", "ana", *options)
        assert (first.exit_code, first.stdout) == (0, f"INC-1: {said}\n"), verb + first.output
        again = pulse(root, "incidents", verb, "INC-1", "--by", "ana", *options)
        assert again.exit_code == 0, again.output
    warehouse = connect(root)
    told = [(e.event, e.actor) for e in events_of(warehouse, "a1") if e.actor != "pulse"]
    warehouse.close()
    names = [
        "assigned",
        "commented",
        "snoozed",
        "acknowledged",
        "ignored_until",
        "ignored",
        "false_alarm",
        "reopened",
        "resolved",
    ]
    assert sorted(told) == sorted((name, "ana") for name in names)
    story = pulse(root, "incidents", "show", "INC-1").stdout
    for text in (": To bob: Assigned by ana.", ": asked the vendor", ": stock-taking", ": Until 2999-01-01: "):
        assert re.search(rf"ana, \d\d:\d\d on \d+ \w+ \(UTC\){text}", " ".join(story.split())), story


def test_a_verb_that_lacks_something_says_what(root: Path) -> None:
    plant(root, opening("a1"))
    for call, said in (
        (("false-alarm", "INC-1"), "Missing option '--note' / '--why'"),
        (("snooze", "INC-1"), "Missing option '--until'"),
        (("assign", "INC-1"), "Missing option '--to'"),
        (("snooze", "INC-1", "--until", "2020-01-01"), "2020-01-01 is not after"),
    ):
        refused = pulse(root, "incidents", *call)
        assert refused.exit_code == 2
        assert said in refused.stderr


@pytest.mark.parametrize("empty_schema", ["duckdb"], indirect=True)
def test_python_has_the_same_verbs(root: Path) -> None:
    plant(root, opening("a1", group_key="g"), opening("b2", group_key="g"))
    mine, day = Pulse(root), date(2026, 5, 20)
    frame = mine.handle("snooze", "INC-1", by="ana", until=date(2026, 6, 1), group=True, today=day)
    assert frame[["incident_id", "status", "until_on"]].values.tolist() == [
        ["a1", "open", date(2026, 6, 1)], ["b2", "open", date(2026, 6, 1)],
    ]  # fmt: skip
    mine.handle("false-alarm", "INC-1", by="ana", note="a test load", today=day)
    warehouse = connect(root)
    found = find_incident(warehouse, "INC-1")
    warehouse.close()
    assert (found.status, found.resolution, found.resolved_on) == ("resolved", "false_alarm", day)
