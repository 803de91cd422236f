"""The same dates judged again, in another way, after a kill, on another warehouse: every table is as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlglot
from click.testing import CliRunner
from package_project import copy_demo
from table_content import ITS_OWN, JUDGED, SNAPSHOTS, TIMES, TOLD, content, rounded, same

from pulse_runner.alert.stage import run_alerts
from pulse_runner.cli import cli
from pulse_runner.explain.stage import explain_incidents
from pulse_runner.incidents import actions
from pulse_runner.incidents.stage import detect
from pulse_runner.incidents.store import read_incidents, save
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import load_project
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.connection import OpenWarehouse, connect
from pulse_runner.warehouse.project import read_project
from pulse_runner.warehouse.rendering import render

FIRST, LAST = date(2026, 3, 1), date(2026, 5, 31)
DECIDED, END = date(2026, 4, 12), date(2026, 5, 15)  # of the history with troubles
NOW = datetime(2026, 6, 1, 6, 30, tzinfo=UTC)


@dataclass
class Demo:
    """The demo shop, built and judged, in a folder of its own."""

    root: Path
    said: Set[str] = frozenset()  # the statements of `pulse demo`

    @contextmanager
    def open(self) -> Iterator[Warehouse]:
        read_project.cache_clear()
        warehouse = connect(self.root)
        try:
            yield warehouse
        finally:
            warehouse.close()

    def pulse(self, *args: str) -> None:
        read_project.cache_clear()
        done = CliRunner().invoke(cli, ["--project-dir", str(self.root), *args])
        assert done.exit_code == 0, done.output

    def judge(self, warehouse: Warehouse, first: date = FIRST, last: date = LAST, now: datetime = NOW) -> None:
        detect(warehouse, load_project(self.root, SCHEMA), first, last, now=now)

    def judge_each(self, warehouse: Warehouse, first: date, last: date, now: datetime = NOW) -> None:
        for n in range((last - first).days + 1):
            self.judge(warehouse, first + timedelta(days=n), first + timedelta(days=n), now)

    def tell(self, warehouse: Warehouse) -> None:
        project = load_project(self.root, SCHEMA)
        explain_incidents(warehouse, project, LAST, NOW, {}, root=self.root)
        run_alerts(warehouse, project, LAST, NOW, {}, out=lambda text: None)


def forget(warehouse: Warehouse) -> None:
    warehouse.change([f"delete from {warehouse.table(t)}" for t in JUDGED])


pytestmark = pytest.mark.xdist_group("repeated")


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        for variable in [v for v in os.environ if v.startswith(("PULSE_", "DBT_", "OPENAI_", "RESEND_"))]:
            context.delenv(variable)
        context.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        yield context


def build(folder: Path, profile: str) -> Demo:
    copy_demo(folder)
    (folder / "profiles.yml").write_text(profile)
    said = set[str]()
    execute = OpenWarehouse._execute
    with pytest.MonkeyPatch.context() as context:
        context.setattr(
            OpenWarehouse, "_execute", lambda self, sql, params: (said.add(sql), execute(self, sql, params))[1]
        )
        Demo(folder).pulse("demo", str(folder))
    return Demo(folder, said)


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Demo:
    root = tmp_path_factory.mktemp("demo") / "shop"
    profile = f"pulse:\n  target: own\n  outputs:\n    own: {{type: duckdb, path: {str(root / 'pulse.duckdb')!r}, threads: 2}}\n"
    return build(root, profile)


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch, postgres_server: Path) -> Demo:
    server = f"type: postgres, host: {postgres_server}, port: 5432, user: postgres, password: '', dbname: postgres"
    schema = f"pulse_{uuid4().hex[:12]}"
    profile = f"pulse:\n  target: own\n  outputs:\n    own: {{{server}, schema: {schema}, threads: 2}}\n"
    return build(tmp_path_factory.mktemp("demo") / "shop", profile)


@pytest.fixture(params=["on_duckdb", pytest.param("on_postgres", marks=[pytest.mark.postgres, pytest.mark.matrix])])
def demo(request: pytest.FixtureRequest) -> Demo:
    found: Demo = request.getfixturevalue(request.param)
    return found


@pytest.mark.postgres
@pytest.mark.matrix
def test_two_warehouses_hold_the_same(on_duckdb: Demo, on_postgres: Demo) -> None:
    leave_out = TIMES | ITS_OWN
    with on_duckdb.open() as one, on_postgres.open() as other:
        ours, theirs = ((content(w, (*SNAPSHOTS, *JUDGED), leave_out)) for w in (one, other))
    for table, rows in ours.items():
        same({table: [rounded(r) for r in rows]}, {table: [rounded(r) for r in theirs[table]]})


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery", "databricks", "redshift", "spark"])
def test_every_statement_of_the_runner_is_said_in_the_dialect_of_each_warehouse(on_duckdb: Demo, dialect: str) -> None:
    # catalogues and inserts of whole columns are DuckDB's own; test_connection.py has what others are sent instead
    shared = [sql for sql in on_duckdb.said if "duckdb_" not in sql and "unnest(?)" not in sql]
    assert len(shared) > 150
    for sql in shared:
        said = render(sql, dialect)
        assert sqlglot.parse_one(said, read=dialect) is not None
        assert said.count("?") == sql.count("?"), sql


def test_all_of_it_once_more_changes_nothing(demo: Demo) -> None:
    tables = (*SNAPSHOTS, *JUDGED, *TOLD)
    with demo.open() as warehouse:
        before = content(warehouse, tables)
    assert all(before.values())
    demo.pulse("snapshot", "--from", "2026-05-18", "--to", "2026-05-31")
    for _ in range(2):
        with demo.open() as warehouse:
            demo.judge(warehouse)
            demo.tell(warehouse)
            same(before, content(warehouse, tables))


@pytest.mark.matrix
def test_a_history_of_levels_that_last_relapse_and_are_decided_about_is_judged_alike_in_every_way(demo: Demo) -> None:
    with demo.open() as warehouse, put_back(warehouse):
        trouble(warehouse)
        forget(warehouse)
        demo.judge(warehouse, FIRST, END)
        once = content(warehouse, JUDGED)
        happened = Counter(row["event"] for row in once["pulse_incident_events"])
        assert all(happened[event] >= 3 for event in ("opened", "continued", "recovered", "reopened", "accepted"))

        for first, last in ((FIRST, END), (date(2026, 4, 8), date(2026, 4, 8)), (END, END)):
            demo.judge(warehouse, first, last)
            same(once, content(warehouse, JUDGED))

        forget(warehouse)
        demo.judge(warehouse, FIRST, date(2026, 3, 27))
        demo.judge_each(warehouse, date(2026, 3, 28), END)
        same(once, content(warehouse, JUDGED))


@pytest.mark.matrix
def test_what_people_decide_counts_for_the_dates_after_and_for_no_date_before(demo: Demo) -> None:
    with demo.open() as warehouse, put_back(warehouse):
        trouble(warehouse)
        forget(warehouse)
        following, later = DECIDED + timedelta(days=1), NOW + timedelta(days=1)
        demo.judge(warehouse, FIRST, DECIDED)
        decide(warehouse)
        before = content(warehouse, JUDGED)
        demo.judge(warehouse, FIRST, DECIDED, later)
        same(before, content(warehouse, JUDGED))

        demo.judge_each(warehouse, following, END, later)
        by_day = content(warehouse, JUDGED)
        demo.judge(warehouse, FIRST, END, later)
        same(by_day, content(warehouse, JUDGED))

        forget(warehouse)
        demo.judge(warehouse, FIRST, DECIDED)
        decide(warehouse)
        demo.judge(warehouse, following, END, later)
        same(by_day, content(warehouse, JUDGED))


def test_a_detection_that_was_killed_and_begun_again_ends_as_if_nothing_had_been(demo: Demo) -> None:
    with demo.open() as warehouse:
        whole = content(warehouse, JUDGED)
    command = [sys.executable, "-m", "pulse_runner", "--project-dir", str(demo.root), "detect"]
    dates = ["--from", str(FIRST), "--to", str(LAST)]
    started = time.monotonic()
    subprocess.run([*command, *dates], check=True, capture_output=True)
    seconds = time.monotonic() - started
    cut = 0
    for share in (0.8, 0.65, 0.9, 0.5):
        with demo.open() as warehouse:
            forget(warehouse)
        process = subprocess.Popen([*command, *dates], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds * share)
        process.kill()
        process.wait()
        with demo.open() as warehouse:
            cut += 0 < len(content(warehouse, JUDGED)["pulse_findings"]) < len(whole["pulse_findings"])
            demo.judge(warehouse)
            same(whole, content(warehouse, JUDGED))
        if cut:
            break
    assert cut, "no kill came in the middle"


def decide(warehouse: Warehouse) -> None:
    """Resolve one open incident as repaired, accept the level of another, and ignore a third."""
    one, two, three = sorted(
        (i for i in read_incidents(warehouse) if i.is_live and i.detector == "size_jump"), key=lambda i: i.incident_id
    )[:3]
    day, at = DECIDED + timedelta(days=1), NOW + timedelta(hours=1)
    save(
        warehouse,
        [
            actions.resolve(one, "ada", day, at),
            actions.resolve(two, "ada", day, at, as_new_normal=True),
            actions.ignore(three, "ada", day, at),
        ],
    )


@contextmanager
def put_back(warehouse: Warehouse) -> Iterator[None]:
    """Give the tables back as they were when the block ends."""
    tables = (*SNAPSHOTS[1:4], "pulse_entity_health", *JUDGED)
    warehouse.change([f"create table kept_{t} as select * from {warehouse.table(t)}" for t in tables])
    try:
        yield
    finally:
        for t in tables:
            put = f"insert into {warehouse.table(t)} select * from kept_{t}"
            warehouse.change([f"delete from {warehouse.table(t)}", put, f"drop table kept_{t}"])


def trouble(warehouse: Warehouse) -> None:
    """Give every segment a level that lasts 20 days, a fault that is back after two days, and a shift of a distribution.

    One segment, one channel and one column begin late.
    """
    names = ("segment_snapshots", "segment_reach", "segment_distributions", "entity_health")
    sizes, reach, shares, health = (warehouse.table(f"pulse_{t}") for t in names)
    segments = [r["segment_id"] for r in warehouse.query(f"select distinct segment_id from {sizes} order by 1")]

    def times(table: str, columns: str, factor: float, segment: str, first: date, days: int, more: str = "") -> None:
        scaled = ", ".join(f"{c} = cast({c} * {factor} as bigint)" for c in columns.split())
        where = f"segment_id = '{segment}' and snapshot_date between '{first}' and '{first + timedelta(days=days - 1)}'{more}"
        warehouse.change([f"update {table} set {scaled} where {where}"])

    for n, segment in enumerate(segments):
        begin = date(2026, 3, 25) + timedelta(days=2 * n)
        for later, days, factor in ((0, 20, 1.5), (30, 2, 0.5), (33, 2, 0.5)):
            times(sizes, "size inactive eligible converted", factor, segment, begin + timedelta(days=later), days)
            times(reach, "reachable", factor, segment, begin + timedelta(days=later), days)
        shifts = date(2026, 4, 1) + timedelta(days=n)
        times(shares, "members", 3, segment, shifts, 25, " and attribute = 'country' and bucket = 'DE'")
    warehouse.change(
        [
            f"delete from {reach} where channel = 'email' and snapshot_date < '2026-04-01'",
            f"delete from {health} where column_name = 'ltv' and snapshot_date < '2026-04-10'",
            f"delete from {sizes} where segment_id = '{segments[0]}' and snapshot_date < '2026-03-20'",
        ]
    )
