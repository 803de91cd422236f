"""Slices: the few combinations of attributes that explain a change, and the parts that add up to it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cause_case import MANIFEST
from explain_world import World

from benchmarks.drilldown.__main__ import ours, score
from benchmarks.drilldown.files import read
from benchmarks.drilldown.greedy import greedy
from benchmarks.drilldown.synthetic import cases
from pulse_runner.explain.evidence.gather import Bundle, gather
from pulse_runner.explain.explanation import Evidence
from pulse_runner.explain.slices.search import Leaves, find_slices
from pulse_runner.explain.slices.split import split_rate

NAMED = (("ios", "android", "web"), ("DE", "FR", "GB", "ES"), ("free", "plus"))
CODES = np.array([[a, b, c] for a in range(3) for b in range(4) for c in range(2)])
BASE = np.array([400.0 + 37 * (n % 5) for n in range(24)])


def leaves(actual: np.ndarray) -> Leaves:
    return Leaves(("device", "country", "plan"), NAMED, CODES, BASE, actual)


def wobble(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(BASE).astype(float)


def test_chance_is_no_slice() -> None:
    found = [find_slices(leaves(wobble(seed))) for seed in range(30)]
    assert sum(bool(f.slices) for f in found) <= 1


def test_a_pair_of_values_is_found_and_not_what_contains_it() -> None:
    inside = (CODES[:, 0] == 1) & (CODES[:, 1] == 0)
    found = find_slices(leaves(np.where(inside, wobble() * 0.3, wobble()).round()))
    assert [s.where for s in found.slices] == [(("device", "android"), ("country", "DE"))]
    assert found.slices[0].change == pytest.approx(-0.7 * BASE[inside].sum(), rel=0.1)


def test_a_change_that_is_alike_everywhere_needs_no_slice() -> None:
    found = find_slices(leaves((wobble() * 0.6).round()))
    assert found.slices == ()
    assert found.everywhere == pytest.approx(-0.4 * BASE.sum(), rel=0.1)


def test_a_value_taken_for_another_is_told_with_both_sides() -> None:
    web = CODES[:, 0] == 2
    gone, come = web & (CODES[:, 1] == 2), web & (CODES[:, 1] == 3)
    actual = np.where(gone, 0.0, wobble())
    actual[come] += wobble()[gone]
    assert {s.where[1][1] for s in find_slices(leaves(actual)).slices} == {"GB", "ES"}


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_add_up_to_the_change(seed: int) -> None:
    case = cases(seed, per_kind=1)[seed * 4]
    found = find_slices(case.leaves)
    total = sum(s.change for s in found.slices) + found.everywhere + found.unexplained
    assert total == pytest.approx(float((case.leaves.actual - case.leaves.base).sum()), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_rate_is_split_into_within_and_mix_that_add_up(seed: int) -> None:
    case = next(c for c in cases(seed, per_kind=1) if c.kind == "rates")
    split = split_rate(case.leaves)
    now = case.leaves.actual.sum() / case.leaves.actual_of.sum()  # type: ignore[union-attr]
    before = case.leaves.expected.sum() / case.leaves.expected_of.sum()  # type: ignore[union-attr]
    assert split.within + split.mix == pytest.approx(split.change)
    assert split.change == pytest.approx(now - before)


def test_on_cases_that_were_not_used_while_building_it_is_better_than_a_plain_search() -> None:
    every = cases(201, per_kind=2)
    mine = score((ours(c.leaves), c.truth) for c in every)
    plain = score((greedy(c.leaves), c.truth) for c in every)
    assert mine[0] >= 0.85
    assert mine[0] > plain[0] + 0.05
    assert mine[1] >= 0.9


def test_the_benchmark_reads_a_file_and_prints_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.drilldown.__main__ import _of_file

    rows = ["case,device,country,expected,actual,denominator"]
    for case, bad in (("a", "ios"), ("b", "web")):
        for device in ("ios", "android", "web"):
            for n in range(12):
                rows.append(f"{case},{device},c{n},100,{300 if device == bad else 101 + (n * 7) % 5},1000")
    path, truth = tmp_path / "cases.csv", tmp_path / "truth.jsonl"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    truth.write_text(
        "".join(json.dumps({"case": c, "slices": [{"device": d}]}) + "\n" for c, d in (("a", "ios"), ("b", "web")))
    )
    assert [(name, found.attributes) for name, found in read(path)] == [
        ("a", ("device", "country")),
        ("b", ("device", "country")),
    ]
    _of_file(path, truth)
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["case"], line["rank"], line["slice"]) for line in lines] == [
        ("a", 1, {"device": "ios"}),
        ("b", 1, {"device": "web"}),
    ]
    assert "F1 1.00, hit@1 1.00" in err


def customers(world: World, *, lost: bool) -> None:
    """Put vip's members into the entity's relation: on D those of android in Germany are gone."""
    world.run(
        "create table dim as select day::date as snapshot_date, n as customer_id, case when {gone} then 0 else 2000 end as ltv,"
        " day - interval 1 day as last_active_at, country, device, 'free' as plan, true as email_opt_in, null::date as last_order_at"
        " from (select n, ['DE', 'FR', 'GB', 'XX'][case when n % 100 = 99 then 4 else 1 + n % 3 end] as country,"
        " ['ios', 'android'][1 + (n // 3) % 2] as device from range(1200) as r(n)),"
        " unnest([date '2026-05-14', date '2026-05-07', date '2026-04-30']) as d(day)".replace(
            "{gone}", "country = 'DE' and device = 'android' and day = date '2026-05-14'" if lost else "false"
        )
    )


def slices_of(bundle: Bundle) -> list[Evidence]:
    return [e for e in bundle.evidence if e.kind.startswith("slice")]


def test_the_slice_of_a_fallen_segment_is_told_with_its_members_and_the_rest(world: World, project) -> None:
    customers(world, lost=True)
    world.resize(800)
    first, rest = slices_of(gather(world, world.incident(), project, MANIFEST))
    assert first.values["slice"] == "country = DE and device = android"
    assert (first.values["members"], first.values["expected_members"]) == ("<5", 196)
    assert first.statement == (
        "The slice 'country = DE and device = android' of vip has <5 members on 2026-05-14, 196 before: it explains"
        " -196 of -196."
    )
    assert rest.values == {"everywhere": 0, "in_slices": -196, "unexplained": 0, "of": -196}
    again = world.query(first.sql)[0]
    assert (again["members"], again["expected_members"]) == (0, 196)


def test_groups_of_fewer_than_k_stay_in_the_warehouse(world: World, project) -> None:
    customers(world, lost=True)
    world.resize(800)
    seen = list[dict]()
    asked = world.query
    world.query = lambda sql, params=(): seen.extend(asked(sql, params)) or asked(sql, params)  # type: ignore[method-assign]
    gather(world, world.incident(), project, MANIFEST)
    groups = [r for r in seen if "g0" in r]
    assert groups
    assert min(r["members"] for r in groups) >= 5


def test_a_small_change_and_a_relation_that_cannot_be_asked_have_no_slices(world: World, project) -> None:
    assert slices_of(gather(world, world.incident(), project, MANIFEST)) == []
    world.resize(600)
    bundle = gather(world, world.stored_incident(), project, MANIFEST)
    assert slices_of(bundle) == []
    assert bundle.gaps == ()
