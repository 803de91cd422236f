"""Speed of the snapshot engine against what a dbt user writes by hand, and against one grouped pass with no segments.

    python benchmarks/snapshots.py [--rows 1000000] [--segments 10,100,1000]

Same table, same counts (checked), same run, DuckDB on two threads. (a) is one GROUPING SETS query per segment, which gives size
and distributions only; (b) is one pass that groups every attribute, with no segments. Ours is the compiled facts model: sizes,
distributions, reach, conversion, and the comparison with the day before by cause, with flows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import shutil
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb

from pulse_runner.compiler.write import write_models
from pulse_runner.segments.model import (
    All,
    Attribute,
    Entity,
    Field,
    FieldLeaf,
    History,
    Project,
    Relation,
    Rule,
    Segment,
)
from pulse_runner.warehouse.dbt import run_dbt

ROOT = Path(__file__).parents[1]
DAY, BEFORE = date(2026, 3, 2), date(2026, 3, 1)
ATTRIBUTES = {"country": 20, "plan": 4, "device": 5, "channel": 8, "age_band": 7, "city": 50, "tier": 3, "os": 6}
NUMBERS = ("ltv", "orders", "visits", "spend", "score", "tenure")


def definitions(count: int, seed: int = 1) -> Project:
    """Return `count` segments of two or three leaves, drawn from 175 distinct ones (fewer for few segments)."""
    rng = random.Random(seed)
    leaves = [FieldLeaf(n, ">", (int(100 * i),)) for n in NUMBERS for i in range(1, 9)]
    leaves += [FieldLeaf(n, "<=", (int(120 * i),)) for n in NUMBERS for i in range(1, 9)]
    leaves += [FieldLeaf(a, "=", (f"{a}{i}",)) for a, k in ATTRIBUTES.items() for i in range(min(k, 12))]
    leaves = rng.sample(leaves, min(len(leaves), 175, 20 + count))
    segments = {}
    for i in range(count):
        name = f"s{i:04d}"
        rule: Rule = All(tuple(rng.sample(leaves, rng.choice((2, 3)))))
        segments[name] = Segment(name, "people", rule, "bench")
    fields = {a: Field(a, "text") for a in ATTRIBUTES} | {n: Field(n, "number") for n in NUMBERS}
    fields |= {"ordered_on": Field("ordered_on", "date"), "seen_on": Field("seen_on", "date")}
    entity = Entity(
        "people", Relation("ref", ("people",)), "person_id", History("as_of", as_of="snapshot_date"), fields,
        tuple(Attribute(a, a) for a in ATTRIBUTES), "ordered_on", "seen_on", 30, {"email": "plan <> 'plan0'"},
    )  # fmt: skip
    return Project({"people": entity}, segments, {})


def fill(path: Path, rows: int) -> None:
    """Make the entity's table: two days, of which one row in fifty differs."""
    columns = [f"'{a}' || (hash(i * {n + 3}) % {k}) as {a}" for n, (a, k) in enumerate(ATTRIBUTES.items())]
    columns += [
        f"cast(hash(i * {n + 31} + case when i % 50 = 0 then d else 0 end) % 1000 as double) as {x}"
        for n, x in enumerate(NUMBERS)
    ]
    with duckdb.connect(str(path)) as c:
        c.execute(
            f"create table people as select i as person_id, date '{BEFORE}' + cast(d as integer) as snapshot_date, {', '.join(columns)},"
            f" date '{DAY}' - cast(hash(i) % 90 as integer) as ordered_on, date '{DAY}' - cast(hash(i * 7) % 60 as integer) as seen_on"
            f" from range({rows}) as r(i), range(2) as t(d)"
        )


def compiled(project: Project, folder: Path, database: Path) -> str:
    """Return the facts model's SQL for one day, as dbt compiles it."""
    for part in ("macros", "models/snapshots", "models/incidents", "models/marts"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "dbt_project.yml", folder)
    (folder / "models" / "people.sql").write_text("select * from main.people_source", encoding="utf-8")
    (folder / "profiles.yml").write_text(
        f"pulse:\n  target: d\n  outputs:\n    d: {{type: duckdb, path: '{database}', threads: 2}}\n"
    )
    write_models(project, folder)
    os.environ["DBT_PROFILES_DIR"] = str(folder)
    run_dbt(folder, ["compile", "--select", "people_facts"])
    sql = (folder / "target/compiled/pulse/models/entities/people_facts.sql").read_text(encoding="utf-8")
    for name, day in (("day", DAY), ("before", BEFORE)):
        sql = re.sub(rf"__pulse_{name}_minus_(-?\d+)__", lambda m, d=day: str(d - timedelta(days=int(m[1]))), sql)
    return sql


def by_hand(segment: Segment) -> str:
    """Return the query that a dbt user writes for one segment: its size and the distribution of every attribute."""
    where = " and ".join(f"{x.field} {x.operator} {x.values[0]!r}" for x in segment.rule.parts)  # type: ignore[union-attr]
    sets = ", ".join(f"({a})" for a in ATTRIBUTES)
    columns = ", ".join(ATTRIBUTES)
    return f"select {columns}, count(*) as members from people where snapshot_date = date '{DAY}' and {where} group by grouping sets ({sets}, ())"


def seconds(c: duckdb.DuckDBPyConnection, sql: list[str]) -> float:
    """Return the best of two runs of all statements, each writing its result into a table."""
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        for statement in sql:
            c.execute(f"create or replace temp table result as {statement}")
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--segments", default="10,100")
    args = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}, 2 threads, {args.rows:,} rows, {len(ATTRIBUTES)} attributes"
    )
    for count in map(int, args.segments.split(",")):
        with tempfile.TemporaryDirectory() as name:
            folder, database = Path(name), Path(name) / "bench.duckdb"
            fill(database, args.rows)
            with duckdb.connect(str(database)) as c:
                c.execute("alter table people rename to people_source")
            project = definitions(count)
            ours = compiled(project, folder, database)
            with duckdb.connect(str(database)) as c:
                c.execute("set threads = 2")
                c.execute("create or replace view people as select * from people_source")
                check(c, ours, project)
                a = seconds(c, [by_hand(s) for s in project.segments.values()])
                o = seconds(c, [ours])
                b = seconds(
                    c,
                    [
                        f"select {x}, count(*) as members from people where snapshot_date = date '{DAY}' group by 1"
                        for x in ATTRIBUTES
                    ],
                )
            print(json.dumps({"segments": count, "by_hand_s": round(a, 2), "ours_s": round(o, 2), "bound_s": round(b, 2),
                              "by_hand/ours": round(a / o, 2), "ours/bound": round(o / b, 1)}))  # fmt: skip


def check(c: duckdb.DuckDBPyConnection, ours: str, project: Project) -> None:
    """Raise AssertionError unless ours and the hand-written queries count the same members."""
    facts = dict(c.execute(f"select segment_id, members from ({ours}) where fact = 'members'").fetchall())
    for name, segment in list(project.segments.items())[:20]:
        size = c.execute(by_hand(segment)).fetchall()[-1:]
        total = c.execute(f"select max(members) from ({by_hand(segment)})").fetchone()
        assert total is not None, size
        assert facts[name] == (total[0] or 0), name


if __name__ == "__main__":
    main()
