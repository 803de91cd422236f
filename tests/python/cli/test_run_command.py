"""`pulse run`: days that were missed, a build elsewhere, and one run at a time."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from package_project import copy_package, install, write_project

from pulse_runner.cli import cli
from pulse_runner.compile.write import write_models
from pulse_runner.errors import NotBuiltError
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import load_project
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.dbt import run_dbt
from pulse_runner.warehouse.project import read_project
from tests.python.alert.servers import Answer, web_server
from tests.python.alert.store import incident_row

ENTITY = (
    "entity: people\nrelation: ref('people')\nkey: id\nhistory: {as_of: day}\nfields: {ltv: number, country: text}\n"
    "attributes: [country]\n"
)
SEGMENT = 'segment: rich\nentity: people\nowner: me\nrules:\n  - {field: ltv, operator: ">", value: 9}\n'
TABLES = (
    "pulse_people__facts",
    "pulse_people__health",
    "pulse_segment_snapshots",
    "pulse_segment_changes",
    "pulse_entity_health",
)


class Shop:
    """A project with an entity of 60 days, compiled; nothing is built."""

    def __init__(self, root: Path, package: Path, profile: str | None, keys: int) -> None:
        self.root = root
        (root / "segments" / "entities").mkdir(parents=True)
        (root / "models").mkdir()
        write_project(root, "audiences", ["people"])
        install(root, package)
        (root / "segments" / "entities" / "people.yml").write_text(ENTITY)
        (root / "segments" / "rich.yml").write_text(SEGMENT)
        series = (
            "generate_series(0, 59)" if profile else "range(0, 60)",
            f"generate_series(1, {keys})" if profile else f"range(1, {keys + 1})",
        )
        (root / "models" / "people.sql").write_text(
            "{{ config(materialized='table') }}\nselect i as id, i * 7 % 20 + d % 3 as ltv,"
            " case when i % 2 = 0 then 'DE' else 'FR' end as country, cast(date '2024-01-01' + cast(d as integer) as date) as day\n"
            f"from {series[0]} as days(d) cross join {series[1]} as keys(i)\n"
        )
        if profile:
            (root / "profiles.yml").write_text(profile)
        read_project.cache_clear()
        write_models(load_project(root, SCHEMA), root)

    def pulse(self, *args: str) -> Result:
        read_project.cache_clear()
        return CliRunner().invoke(cli, ["--project-dir", str(self.root), *args])

    def start(self, *args: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pulse_runner", "--project-dir", str(self.root), *args]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        warehouse = connect(self.root)
        try:
            return [
                tuple(row.values())
                for row in warehouse.query(sql.format(**{t: warehouse.table(t) for t in (*TABLES, "pulse_runs")}))
            ]
        finally:
            warehouse.close()

    def days(self) -> list[str]:
        return [
            str(d) for (d,) in self.query("select distinct snapshot_date from {pulse_segment_snapshots} order by 1")
        ]

    def stages(self) -> list[tuple[object, ...]]:
        rows = self.query("select stage, from_date, to_date, outcome from {pulse_runs} order by started_at, run_id")
        return sorted((str(a), str(b), str(c), str(d)) for a, b, c, d in rows)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_package(tmp_path_factory.mktemp("package") / "pulse", leave_out=("*unit_tests.yml",))


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_shop(
    request: pytest.FixtureRequest, tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Shop]:
    for variable in ("DBT_PROFILES_DIR", "DBT_TARGET", "PULSE_TARGET", "PULSE_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    profile = request.getfixturevalue("postgres_profile") if request.param == "postgres" else None

    def make(name: str = "shop", keys: int = 40) -> Shop:
        text = profile.replace("schema: pulse_", f"schema: {name}_") if profile else None
        return Shop(tmp_path / name, package, text, keys)

    return make


@pytest.fixture
def shop(new_shop: Callable[..., Shop]) -> Shop:
    return new_shop()


@pytest.mark.postgres_in_matrix
def test_missed_days_are_caught_up_and_a_day_that_is_done_is_skipped(shop: Shop) -> None:
    first = shop.pulse("run", "--date", "2024-02-01", "--since-last-run")
    assert first.exit_code == 0, first.output
    assert "There is no earlier run: only 2024-02-01." in first.stderr
    assert shop.days() == ["2024-02-01"]

    later = shop.pulse("run", "--date", "2024-02-05", "--since-last-run")
    assert later.exit_code == 0, later.output
    said = "Catching up: the last run was of 2024-02-01, so 2024-02-02 to 2024-02-05 (4 days)."
    assert said in later.stderr.splitlines()
    assert shop.days() == [f"2024-02-0{n}" for n in range(1, 6)]
    assert ("detect", "2024-02-02", "2024-02-05", "ok") in shop.stages()
    assert ("alert", "2024-02-05", "2024-02-05", "ok") in shop.stages()

    before = shop.stages()
    again = shop.pulse("run", "--date", "2024-02-05", "--since-last-run", "--fail-on", "low")
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "Skipped: 2024-02-05 was run already. Leave out --since-last-run to run it again.\n"
    assert shop.stages() == before

    following = shop.pulse("run", "--date", "2024-02-06", "--since-last-run")
    assert following.exit_code == 0
    assert "Catching up" not in following.stderr


@pytest.mark.postgres_in_matrix
def test_an_alert_that_does_not_arrive_is_exit_code_4_until_it_does(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = "routes:\n  default:\n    channels:\n      - {channel: slack, url_env: SHOP_SLACK}\n"
    (shop.root / "segments" / "routes.yml").write_text(routes)
    date = ("--date", "2024-02-01")
    assert shop.pulse("run", *date).exit_code == 0, "nothing is due"
    warehouse = connect(shop.root)
    day = {k: dt.date(2024, 2, 1) for k in ("started_on", "detected_on", "last_seen_on")}
    warehouse.replace("pulse_incidents", ["incident_id"], [incident_row(segment_id="rich", entity="people", **day)])
    warehouse.close()
    with web_server() as web:
        monkeypatch.setenv("SHOP_SLACK", f"{web.base}/hook")
        web.answers = [Answer(404, "no_service")]
        gap = "slack via default (SHOP_SLACK): 1 message since 1 February 2024; Slack (127.0.0.1/…) answered 404: no_service"
        told = shop.pulse("alert", *date)
        assert (told.exit_code, len(web.got)) == (4, 1)
        assert told.stderr.splitlines()[-3:-1] == ["Error: 1 message could not be delivered:", f"  {gap}"]
        why = shop.pulse("alert", *date, "--why", "aaaa1111", "--format", "csv")
        assert why.exit_code == 0
        assert (
            "default,slack,SHOP_SLACK,not told,given up on this date; `pulse alert --retry` tries again" in why.stdout
        )
        assert shop.pulse("alert", "--why", "aaaa1111", "--retry").exit_code == 2
        skipped = shop.pulse("run", *date, "--since-last-run")
        assert (skipped.exit_code, len(web.got)) == (4, 2), "a date that is done is not told for that"
        assert f"  {gap}" in shop.pulse("report", "--format", "text", "--to", "2024-02-01").stdout.splitlines()
        doctor = shop.pulse("doctor")
        assert f"FAIL  undelivered alerts: {gap}" in doctor.stdout.splitlines()
        assert doctor.exit_code == 1
        web.answers = [Answer(200, "ok")]
        assert shop.pulse("run", *date, "--since-last-run").exit_code == 0
        assert len(web.got) == 3
        assert (
            "Alerts that have not arrived" not in shop.pulse("report", "--format", "text", "--to", "2024-02-01").stdout
        )
        assert "ok    alerts: everything that is due has arrived" in shop.pulse("doctor").stdout.splitlines()


@pytest.mark.postgres_in_matrix
def test_without_a_build_the_rest_is_done_with_what_dbt_made_elsewhere(shop: Shop) -> None:
    refused = shop.pulse("run", "--date", "2024-02-01", "--no-build")
    assert refused.exit_code == 1
    run_dbt(shop.root, ["build", "--select", "+tag:pulse"], told={"pulse_from": "2024-02-01", "pulse_to": "2024-02-01"})
    shop.root.joinpath("dbt_packages", "pulse").unlink()  # where only the runner is, there is no package
    done = shop.pulse("run", "--date", "2024-02-01", "--no-build")
    assert done.exit_code == 0, done.output
    assert "  build     skipped (--no-build)" in done.stdout
    assert {stage for stage, *_ in shop.stages()} == {"detect", "explain", "alert"}

    tomorrow = shop.pulse("run", "--date", "2024-02-02", "--no-build")
    assert tomorrow.exit_code == 1
    what, do = tomorrow.stderr.splitlines()
    assert what == "Error: There are no snapshots of 2024-02-02, and --no-build makes none."
    assert "dbt build --select tag:pulse" in do
    assert ("detect", "2024-02-02", "2024-02-02", "ok") not in shop.stages()


@pytest.mark.postgres_in_matrix
def test_the_second_run_of_a_date_waits_says_why_and_finds_it_done(shop: Shop) -> None:
    one = shop.start("run", "--date", "2024-02-01")
    lock = next(iter(wait_for(lambda: list((shop.root / "target").glob("pulse_run.lock")))))
    refused = shop.pulse("run", "--date", "2024-02-01", "--wait", "0")
    two = shop.start("run", "--date", "2024-02-01", "--since-last-run")
    _, errors = one.communicate(timeout=240)
    assert one.returncode == 0, errors
    out, errors = two.communicate(timeout=240)
    assert (two.returncode, out) == (0, "")
    waited, skipped = errors.splitlines()[0], errors.splitlines()[-1]
    assert waited.startswith("Waiting: Another run of this project is at it: `pulse run --date 2024-02-01` by ")
    assert f", process {one.pid}, since " in waited
    assert skipped == "Skipped: 2024-02-01 was run already. Leave out --since-last-run to run it again."
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[1:] == ["  Run again when it has ended."]
    assert len([stage for stage, *_ in shop.stages() if stage == "alert"]) == 1
    assert not lock.exists()


@pytest.mark.postgres_in_matrix
def test_a_run_that_was_killed_leaves_no_lock_behind(shop: Shop) -> None:
    one = shop.start("run", "--date", "2024-02-01")
    wait_for(lambda: list((shop.root / "target").glob("pulse_run.lock")))
    one.kill()
    one.communicate()
    done = shop.pulse("run", "--date", "2024-02-01", "--wait", "0")
    assert done.exit_code == 0, done.output


def elsewhere(shop: Shop) -> Path:
    """Copy the project: another machine has another folder, and sees the warehouse only."""
    root = shop.root.parent / "elsewhere"
    shutil.copytree(shop.root, root, symlinks=True, ignore=shutil.ignore_patterns("*.lock"))
    return root


def commands(root: Path, *lines: str) -> list[subprocess.Popen[str]]:
    begin = [sys.executable, "-m", "pulse_runner", "--project-dir", str(root)]
    return [
        subprocess.Popen([*begin, *line.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in lines
    ]


@pytest.mark.parametrize(
    "new_shop",
    [pytest.param("duckdb", marks=pytest.mark.matrix), pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
)
def test_what_is_started_at_once_takes_turns_and_leaves_the_rows_of_one(shop: Shop) -> None:
    assert shop.pulse("run", "--date", "2024-02-01").exit_code == 0
    lines = [
        f"{name} --date 2024-02-02"
        for name in ("run", "run --since-last-run", "snapshot", "detect", "explain", "alert")
    ]
    assert shop.pulse("snapshot", "--date", "2024-02-02").exit_code == 0
    once = {table: content(shop, table) for table in TABLES}
    started = commands(shop.root, *lines)
    if (shop.root / "profiles.yml").exists():  # on Postgres
        started += commands(elsewhere(shop), *lines[:2], lines[3])
    for process in started:
        _, errors = process.communicate(timeout=400)
        assert process.returncode == 0, errors
        assert not re.search("Traceback|refused `|Database Error|deadlock|concurrent", errors), errors
    assert {table: content(shop, table) for table in TABLES} == once
    assert [s for s in shop.stages() if s[0] == "lease" or s[3] != "ok"] == []


@pytest.mark.postgres
@pytest.mark.parametrize("new_shop", ["postgres"], indirect=True)
def test_another_machine_is_told_who_has_the_lease_and_takes_over_when_the_holder_has_died(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shop.pulse("run", "--date", "2024-02-01").exit_code == 0
    root = elsewhere(shop)
    monkeypatch.setenv("PULSE_LEASE_SECONDS", "4")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(shop.root)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    time.sleep(6)  # longer than the lease: it is renewed
    (refused,) = commands(root, "run --date 2024-02-02 --wait 0")
    _, errors = refused.communicate(timeout=120)
    assert refused.returncode == 1
    what, do = errors.splitlines()
    told = (
        rf"Error: Another run of this project is at it: `pulse run` by \S+ on \S+, process {holder.pid}, since 20\d\d-"
    )
    assert re.match(told, what)
    assert do.startswith("  Run again when it has ended. Had it died, its lease would end at ")

    holder.kill()
    holder.wait()
    (after,) = commands(root, "run --date 2024-02-02 --wait 1")
    _, errors = after.communicate(timeout=240)
    assert after.returncode == 0, errors
    assert shop.days() == ["2024-02-01", "2024-02-02"]
    assert "lease" not in {stage for stage, *_ in shop.stages()}


HOLD = """
import sys, time
from datetime import date
from pathlib import Path
from pulse_runner.warehouse.lock import run_lock
with run_lock(Path(sys.argv[1]), None, date(2024, 2, 2), "pulse run", wait=0, seconds=4, strangers=True, say=print):
    print("held", flush=True)
    time.sleep(120)
"""


@pytest.mark.matrix
def test_ctrl_c_stops_a_backfill_at_once_leaves_whole_days_and_the_command_that_goes_on_finishes_it(
    new_shop: Callable[..., Shop],
) -> None:
    whole = new_shop("whole", keys=6000)
    span = ("--from", "2024-01-02", "--to", "2024-02-28")
    assert whole.pulse("snapshot", *span).exit_code == 0
    expected = {table: content(whole, table) for table in TABLES}

    stopped = new_shop("stopped", keys=6000)
    seen = []
    for later in (0.0, 0.05, 0.3):
        process = stopped.start("snapshot", *span, "--resume")
        assert process.stderr is not None
        while "snapshot: people" not in (line := process.stderr.readline()):  # the first day is done
            assert line, "it ended without a word"
        time.sleep(later)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=15)  # a whole backfill on a slow machine takes longer
        assert (process.returncode, out) == (130, "")
        what, do = errors.splitlines()[-2:]
        assert what.startswith("Stopped: the days that were complete stay")
        assert do == "  Go on with `pulse snapshot --from 2024-01-02 --to 2024-02-28 --resume`."
        assert "Traceback" not in errors
        seen.append(days_of(stopped))
        for table in ("pulse_people__facts", "pulse_people__health"):
            rows = content(stopped, table)
            assert set(rows) <= set(expected[table])
            for day in {row[0] for row in rows}:
                assert [r for r in rows if r[0] == day] == [r for r in expected[table] if r[0] == day], day
    assert 0 < len(seen[0]) < 2 * 58
    assert len(seen[0]) < len(seen[-1])
    ended = stopped.pulse("snapshot", *span, "--resume")
    assert ended.exit_code == 0, ended.output
    assert {table: content(stopped, table) for table in TABLES} == expected


def days_of(shop: Shop) -> set[tuple[str, str]]:
    return {
        (table, row[0]) for table in ("pulse_people__facts", "pulse_people__health") for row in content(shop, table)
    }


def content(shop: Shop, table: str) -> list[tuple[str, ...]]:
    """Return the rows of a table as text, the date first, sorted; none where there is no table yet."""
    try:
        rows = shop.query(f"select snapshot_date as first_date, t.* from {{{table}}} as t")
    except NotBuiltError:
        return []
    return sorted(tuple(map(str, row)) for row in rows)


def wait_for(look: Callable[[], list[Path]]) -> list[Path]:
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
