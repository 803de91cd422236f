"""The table and the segments that the snapshot benchmarks run on: made from hashes, so every run has the same rows.

Two shapes. `shop`: what people do hangs together (one engagement level moves six numbers), categories are skewed, rules read the
numbers, the country and the plan. `random`: every column is independent of every other and any column may be in a rule, so that
nearly every row has a bit pattern of its own: the worst case for an engine that works per pattern.
"""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import duckdb

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

DAY, BEFORE = date(2026, 3, 2), date(2026, 3, 1)
ATTRIBUTES = {"country": 20, "plan": 4, "device": 5, "channel": 8, "age_band": 7, "city": 50, "tier": 3, "os": 6}
NUMBERS = ("ltv", "orders", "visits", "spend", "score", "tenure")
LEAVES = 175
COLUMNS = ("person_id", "snapshot_date", *ATTRIBUTES, *NUMBERS, "ordered_on", "seen_on")


def project(count: int, shape: str, seed: int = 1, *, leaves: int | None = None, attributes: int = 8) -> Project:
    """Return `count` segments of one to three leaves, drawn from at most 175 distinct ones; a row is in about a fifth of them."""
    most = leaves or 20 + count
    rng = random.Random(seed)
    drawn = [FieldLeaf(n, op, (100 * i,)) for n in NUMBERS for op in (">", "<=") for i in range(1, 11)]
    read = ATTRIBUTES if shape == "random" else {"country": 12, "plan": 4}
    drawn += [FieldLeaf(a, "=", (f"{a}{i}",)) for a, k in read.items() for i in range(min(k, 12))]
    while len(drawn) < LEAVES:
        some = sorted(rng.sample(range(20), rng.choice((3, 5, 8))))
        drawn.append(FieldLeaf("country", "in", tuple(f"country{i}" for i in some)))
    drawn = rng.sample(drawn, min(LEAVES, most))
    segments = {}
    for i in range(count):
        name = f"s{i:04d}"
        rule: Rule = All(tuple(rng.sample(drawn, rng.choice((1, 2, 2, 3)))))
        segments[name] = Segment(name, "people", rule, "bench")
    fields = {a: Field(a, "text") for a in ATTRIBUTES} | {n: Field(n, "number") for n in NUMBERS}
    fields |= {"ordered_on": Field("ordered_on", "date"), "seen_on": Field("seen_on", "date")}
    entity = Entity(
        "people", Relation("ref", ("people",)), "person_id", History("as_of", as_of="snapshot_date"), fields,
        tuple(Attribute(a, a) for a in list(ATTRIBUTES)[:attributes]), "ordered_on", "seen_on", 30, {"email": "plan <> 'plan0'"},
    )  # fmt: skip
    return Project({"people": entity}, segments, {})


def rows_sql(rows: int, days: int, shape: str, cities: int = 50) -> str:
    """Return a DuckDB query for the table: `days` days up to DAY; from one day to the next, one row in fifty differs."""

    def unit(salt: int) -> str:
        return f"(hash(i * {salt} + 17) % 10000 / 10000.0)"

    def step(x: int) -> str:
        return f"case when (i + d) % 50 = 0 then {x} else 0 end"

    values = ATTRIBUTES | {"city": cities}
    if shape == "random":
        categories = [f"'{a}' || (hash(i * {n + 3}) % {k}) as {a}" for n, (a, k) in enumerate(values.items())]
        numbers = [f"cast((hash(i * {n + 31}) + {step(97)}) % 1000 as double) as {x}" for n, x in enumerate(NUMBERS)]
    else:
        categories = [
            f"'{a}' || cast(floor({k} * power({unit(101 + n)}, 2.2)) as integer) as {a}"
            for n, (a, k) in enumerate(values.items())
        ]
        level = f"(floor(12 * power({unit(7)}, 1.6)) + {step(1)})"
        numbers = [
            f"cast({level} * 80 + case when {unit(900 + n)} < 0.97 then 0 else 90 end + hash(i * {n + 3}) % 20 as double) as {x}"
            for n, x in enumerate(NUMBERS)
        ]
    return (
        f"select i as person_id, cast(date '{DAY}' - cast(d as integer) as date) as snapshot_date, {', '.join(categories)}, {', '.join(numbers)},"
        f" cast(date '{DAY}' - cast(hash(i) % 90 as integer) as date) as ordered_on,"
        f" cast(date '{DAY}' - cast(hash(i * 7) % 60 as integer) as date) as seen_on"
        f" from range({days - 1}, -1, -1) as t(d), range({rows}) as r(i)"
    )


def fill_duckdb(path: Path, rows: int, days: int, shape: str, cities: int = 50) -> None:
    """Make the table `people_source` in a new DuckDB file, oldest day first."""
    with duckdb.connect(str(path)) as c:
        c.execute("set threads = 2")
        c.execute("set enable_progress_bar = false")
        c.execute("create table people_source as " + rows_sql(rows, days, shape, cities))


def by_hand(segment: Segment, relation: str) -> str:
    """Return the query that a dbt user writes for one segment: its size and the distribution of every attribute."""
    parts = segment.rule.parts if isinstance(segment.rule, All) else (segment.rule,)
    where = " and ".join(_condition(x) for x in parts if isinstance(x, FieldLeaf))
    sets = ", ".join(f"({a})" for a in ATTRIBUTES)
    return (
        f"select {', '.join(ATTRIBUTES)}, count(*) as members from {relation} where snapshot_date = date '{DAY}' and {where}"
        f" group by grouping sets ({sets}, ())"
    )


def lower_bound(relation: str) -> str:
    """Return one grouped pass over the rows of a day with no segments: the distribution of every attribute."""
    sets = ", ".join(f"({a})" for a in ATTRIBUTES)
    return (
        f"select {', '.join(ATTRIBUTES)}, count(*) as members from {relation} where snapshot_date = date '{DAY}'"
        f" group by grouping sets ({sets}, ())"
    )


def _condition(leaf: FieldLeaf) -> str:
    if leaf.operator == "in":
        return f"{leaf.field} in ({', '.join(map(repr, leaf.values))})"
    return f"{leaf.field} {leaf.operator} {leaf.values[0]!r}"
