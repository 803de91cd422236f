"""Real processes: a run that is killed at any step loses nothing and doubles nothing unmarked, and two at once share the work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pulse_runner.warehouse.connection import connect
from tests.python.alert.servers import Got, Web
from tests.python.alert.store import TABLES, D, explanation_row, incident_row

HERE = Path(__file__).parents[3]
SEGMENTS = ("vip", "whales")
MARK = "Possible repeat"


@pytest.fixture
def place(empty_schema: Path) -> Path:
    """Return a project with two incidents that are to be told through four channels."""
    opened: Any = connect(empty_schema)
    for name, columns in TABLES.items():
        opened._execute(f"drop table if exists {opened.table(name)}", ())
        opened._execute(f"create table {opened.table(name)} ({columns})", ())
    for segment in SEGMENTS:
        opened.replace("pulse_incidents", ["incident_id"], [incident_row(f"id{segment}", segment_id=segment)])
        opened.replace("pulse_incident_explanations", ["explanation_id"], [explanation_row(f"id{segment}")])
        opened.replace(
            "pulse_segment_snapshots", ["segment_id"], [{"segment_id": segment, "snapshot_date": D, "size": 580}]
        )
    opened.close()
    return empty_schema


def play(place: Path, web: Web, *stories: str) -> list[dict[str, Any]]:
    program = str(HERE / "tests" / "python" / "alert" / "killed_runs.py")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    done = subprocess.run(
        [sys.executable, program, str(place), web.base, *stories], capture_output=True, text=True, env=env, timeout=1800
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(story: dict[str, Any], got: list[Got]) -> None:
    """Nothing is lost; where keys are known nothing is doubled; elsewhere each further copy says so."""
    where = f"killed at {story['name']}"
    assert Counter(d["channel"] for d in story["deliveries"]) == dict.fromkeys(("slack", "teams", "n8n", "email"), 2), (
        where
    )
    assert {d["status"] for d in story["deliveries"]} == {"sent"}, where
    mine = [g for g in got if g.path.split("/")[1] == story["name"]]
    for channel, header in (("n8n", "x-pulse-delivery"), ("emails", "idempotency-key")):
        arrived = [g for g in mine if g.path.endswith(f"/{channel}")]
        assert len({g.headers[header] for g in arrived}) == 2, f"{where}: {channel}"
        assert len({g.body for g in arrived}) == 2, f"{where}: the same bytes at every try"
    for channel in ("slack", "teams"):
        arrived = [g for g in mine if g.path.endswith(f"/{channel}")]
        told = [d for d in story["deliveries"] if d["channel"] == channel]
        assert len(arrived) >= 2, where
        assert sum(MARK not in g.body for g in arrived) <= 2, f"{where}: {channel} twice without the mark"
        marked = sum(MARK in g.body for g in arrived)
        assert marked == sum("possible repeat" in d["reason"] for d in told), where
        if len(arrived) > 2:
            assert marked >= len(arrived) - 2, where


def steps_of(place: Path, web: Web) -> int:
    (whole,) = play(place, web, "whole")
    assert whole["signal"] == 0
    judge(whole, web.got)
    assert [MARK in g.body for g in web.got] == [False] * 8, "undisturbed, each message goes out once"
    return int(whole["steps"])


@pytest.mark.parametrize("empty_schema", ["duckdb"], indirect=True)
def test_a_run_that_is_killed_loses_nothing_and_doubles_nothing_unmarked(place: Path, web: Web) -> None:
    steps = steps_of(place, web)
    stories = [f"{at}:{at}" for at in range(steps // 6, steps, steps // 6)][:5]
    played = play(place, web, *stories)
    assert [s["signal"] for s in played] == [signal.SIGKILL] * 5
    for story in played:
        judge(story, web.got)


@pytest.mark.matrix
@pytest.mark.parametrize(
    "empty_schema", ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_a_run_may_be_killed_at_every_single_step(place: Path, web: Web) -> None:
    steps = steps_of(place, web)
    assert steps >= 100
    played = play(place, web, *(f"{at}:{at}" for at in range(1, steps + 1)))
    # the order of four channels at once varies, so the last steps may come before the kill
    assert sum(s["signal"] == signal.SIGKILL for s in played) >= 100
    for story in played:
        judge(story, web.got)


TOGETHER = """
import sys
from pathlib import Path
from tests.python.alert import killed_runs
print("ready", flush=True)
sys.stdin.readline()
killed_runs.run(Path(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.postgres
@pytest.mark.matrix
@pytest.mark.parametrize("empty_schema", ["postgres"], indirect=True)
def test_runs_that_begin_at_the_same_moment_send_each_message_once(place: Path, web: Web) -> None:
    """Without the lock of `pulse alert`: the claim in the table is all that keeps them apart."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    for turn in range(5):
        command = [sys.executable, "-c", TOGETHER, str(place), f"{web.base}/{turn}"]
        started = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
            )
            for _ in range(3)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in started:
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
        mine = [g for g in web.got if g.path.startswith(f"/{turn}/")]
        assert Counter(g.path.rpartition("/")[2] for g in mine) == dict.fromkeys(("slack", "teams", "n8n", "emails"), 2)
        opened: Any = connect(place)
        opened._execute(f"delete from {opened.table('pulse_alert_deliveries')}", ())
        opened.close()
