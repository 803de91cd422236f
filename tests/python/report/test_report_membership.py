"""Funnels and overlaps: counted over the relation, hidden where few people stand behind them, and never in the way of a report."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.report import LAST
from pulse_runner.plugins import SCHEMA
from pulse_runner.report.contents import Membership
from pulse_runner.report.membership import Look, chosen_pairs, read_memberships
from pulse_runner.report.versions import versions_of
from pulse_runner.segments.load import load_project
from pulse_runner.warehouse.connection import connect

SIZES = {f"s{n}": 100 - n for n in range(12)}


def counted(root: Path, *names: str) -> dict[str, Membership]:
    project = load_project(root, SCHEMA)
    warehouse = connect(root)
    try:
        chosen = [project.segments[n] for n in names]
        return read_memberships(warehouse, project, root, chosen, SIZES, Look(LAST, LAST, LAST), 5)
    finally:
        warehouse.close()


@pytest.fixture
def copy(world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world, tmp_path / "copy"))


def test_a_funnel_and_overlaps_are_counted_from_the_rows(world: Path) -> None:
    found = counted(world, "s0")["s0"]
    # 2,000 rows, n % 40 is ltv: 1,000 are German or French, and the 50 of them with ltv 0 are not in s0
    assert [(s.condition, s.left) for s in found.funnel] == [
        ("all", 2000), ("ltv > 0", 1950), ("country in (DE, FR)", 950),
    ]  # fmt: skip
    nearest = found.overlaps[0]
    assert (nearest.other, nearest.shared, nearest.alike, nearest.is_duplicate) == ("s1", 900, 0.9474, False)
    assert (nearest.of_own, nearest.of_other) == (0.9474, 1.0)
    assert len(found.overlaps) == 8
    assert [len(row) for row in found.heat] == [9] * 9


def test_segments_of_nearly_the_same_people_are_flagged(world: Path) -> None:
    assert [o.other for o in counted(world, "s1")["s1"].duplicates] == ["s2", "s3"]  # 1 of 40 is the next ltv


def test_few_people_who_are_left_or_left_out_are_told_as_a_bound(copy: Path) -> None:
    with duckdb.connect(str(copy / "pulse.duckdb")) as c:
        c.execute("update dim_customers set ltv = 1 where ltv = 0 and id > 80")  # three are left with ltv 0
        c.execute("update dim_customers set ltv = 11 where ltv > 11 and id > 19")  # s11 keeps 12, 13, 16 and 17
    found = counted(copy, "s0", "s11")
    assert [s.left for s in found["s0"].funnel][:2] == [2000, ">1990"]
    assert [s.left for s in found["s11"].funnel][1:] == [8, "<5"]
    assert {o.shared for o in found["s11"].overlaps} == {"<5"}
    assert {o.alike for o in found["s11"].overlaps} == {None}
    assert found["s11"].heat[0][1] is None


def test_a_relation_that_is_not_there_is_a_sentence_and_no_failure(copy: Path) -> None:
    with duckdb.connect(str(copy / "pulse.duckdb")) as c:
        c.execute("drop table dim_customers")
    found = counted(copy, "s0", "s1")
    assert {bool(m.trouble) for m in found.values()} == {True}
    assert found["s0"].funnel == ()


def test_a_segment_without_a_good_snapshot_is_not_counted_and_stops_no_other(copy: Path) -> None:
    (copy / "segments" / "s12.yml").write_text(
        "segment: s12\nentity: customers\nowner: me\nrules:\n  - {field: plan, operator: '=', value: free}\n"
    )
    with duckdb.connect(str(copy / "pulse.duckdb")) as c:
        c.execute("alter table dim_customers drop column plan")
    found = counted(copy, "s0", "s12")
    assert sorted(found) == ["s0"]
    assert found["s0"].funnel[-1].left == 950


def test_of_many_pairs_those_that_can_be_alike_are_counted() -> None:
    sizes = {f"s{n}": 10 * 2**n for n in range(60)} | {"twin": 10}
    pairs = chosen_pairs(set(), sizes)
    assert len(pairs) == 780
    assert pairs[0] == ("s0", "twin")


def version(number: int, day: str, rule: str) -> dict[str, Any]:
    return {
        "version": number, "definition_hash": rule, "rule_text": rule, "valid_from": date.fromisoformat(day), "valid_to": None, "owner": "me",
    }  # fmt: skip


def test_a_version_says_whom_its_edit_let_in_and_put_out() -> None:
    day = date(2026, 5, 4)
    rows = [version(1, "2026-03-01", "a"), version(2, "2026-05-04", "b"), version(3, "2026-05-09", "b")]
    edits = [
        {"snapshot_date": day, "direction": "gained", "members": 120},
        {"snapshot_date": day, "direction": "lost", "members": 3},
    ]
    snapshots = [{"snapshot_date": day, "size": 1100, "previous_size": 1000}]
    words, edit, first = versions_of(rows, snapshots, edits, 5)
    assert (edit.is_rule_edit, edit.gained, edit.lost, edit.change) == (True, 120, "<5", "+100 (10 %)")
    assert (words.is_rule_edit, words.gained, first.is_rule_edit) == (False, None, False)
    unknown = versions_of(rows[:2], snapshots, [], 5)[0]
    assert (unknown.gained, unknown.lost, unknown.change) == (None, None, "+100 (10 %)")
