"""Attributes whose values look like people: in no table as they are, unless somebody said so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from pulse_runner.segments.model import Attribute, Entity, Field, FieldLeaf, History, Project, Relation, Segment
from pulse_runner.segments.people import FEW_ROWS, ROWS_PER_VALUE

ROOT = Path(__file__).parents[3]

DAY, NEXT = "2024-03-04", "2024-03-05"
MANY = 60
COLUMNS = {
    "country": lambda n: ["DE", "FR", "IT"][n % 3],
    "contact": lambda n: f"person{n % 4}@example.com",
    "number": lambda n: f"+49 (30) 123{n % 4} 567",
    "who": lambda n: f"Person {n}",
    "said": lambda n: f"I was not happy with delivery number {n % 3} of my order, please call",
    "invoice_day": lambda n: f"2024-03-{1 + n % 4:02}",
    "article": lambda n: 100_000_000 + n % 5,
}  # fmt: skip


def project(values: Mapping[str, str]) -> Project:
    kinds = {c: "number" if c == "article" else "text" for c in COLUMNS}
    fields = {"ltv": Field("ltv", "number"), **{c: Field(c, kind) for c, kind in kinds.items()}}  # type: ignore[arg-type]
    attributes = tuple(Attribute(c, c, values=values.get(c, "")) for c in COLUMNS)  # type: ignore[arg-type]
    people = Entity(
        "people", Relation("ref", ("people",)), "id", History("as_of", as_of="day"), fields, attributes=attributes
    )
    return Project({"people": people}, {"rich": Segment("rich", "people", FieldLeaf("ltv", ">", (9,)), "me")}, {})


def load(world, rows: int = MANY) -> None:
    columns = {"id": "integer", "day": "date", "ltv": "integer"}
    columns |= {c: "integer" if c == "article" else "varchar(100)" for c in COLUMNS}
    made = [(n, day, 10, *(f(n) for f in COLUMNS.values())) for day in (DAY, NEXT) for n in range(rows)]
    world.table("people", columns, made)


def buckets(world, day: str = DAY) -> dict[str, list[tuple[str, int]]]:
    rows = world.query(
        "select attribute, bucket, members from {pulse_segment_distributions}"
        f" where segment_id = 'rich' and snapshot_date = date '{day}' order by attribute, bucket"
    )
    out: dict[str, list[tuple[str, int]]] = {}
    for r in rows:
        out.setdefault(r["attribute"], []).append((r["bucket"], r["members"]))
    return out


@pytest.mark.parametrize("wide", [200, 1], ids=["joined", "wide"])
def test_values_that_look_like_people_go_into_no_table(world, wide: int) -> None:
    load(world)
    world.compile(project({}))
    world.built(DAY, NEXT, pulse_wide_from=wide)
    found = buckets(world)
    refused = [("(refused)", MANY)]
    assert {c: found[c] for c in ("contact", "number", "who", "said")} == dict.fromkeys(
        ("contact", "number", "who", "said"), refused
    )
    assert found["country"] == [("DE", 20), ("FR", 20), ("IT", 20)]
    assert [n for _, n in found["invoice_day"]] == [15] * 4
    assert [b for b, _ in found["article"]] == [str(100_000_000 + n) for n in range(5)]
    facts = world.query("select bucket from {pulse_people__facts}")
    assert not [f for f in facts if re.search(r"@|\+49|Person|happy", f["bucket"] or "")]


def test_what_is_declared_is_shown_or_hidden(world) -> None:
    load(world)
    world.compile(project({"contact": "shown", "number": "hidden", "who": "hidden", "country": "hidden"}))
    world.built(DAY, NEXT)
    found = buckets(world)
    assert found["contact"] == [(f"person{n}@example.com", 15) for n in range(4)]
    assert [n for _, n in found["number"]] == [15] * 4
    assert all(re.fullmatch(r"value [0-9a-f]{10}", b) for b, _ in [*found["number"], *found["country"]])
    assert len(found["who"]) == 51, "the 50 largest and (other)"
    assert dict(found["who"])["(other)"] == 10
    assert found["said"] == [("(refused)", MANY)]
    assert buckets(world, NEXT) == found, "a value has the same label on all days"


def test_few_rows_are_not_judged_by_their_number(world) -> None:
    load(world, rows=19)
    world.compile(project({}))
    world.built(DAY, NEXT)
    found = buckets(world)
    assert len(found["who"]) == 19
    assert found["contact"] == [("(refused)", 19)]


def test_the_warehouse_judges_by_the_limits_that_init_judges_by() -> None:
    macro = (ROOT / "macros" / "facts" / "pulse_bucket_steps.sql").read_text(encoding="utf-8")
    assert f"(sum(members) >= {FEW_ROWS} and count(*) * {ROWS_PER_VALUE} > sum(members))" in macro
