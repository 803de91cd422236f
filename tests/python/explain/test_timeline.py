"""The history of the code above an entity: what is archived, how an edit is told, and which commit it was."""

from __future__ import annotations

import json
import subprocess
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cause_case import MANIFEST
from explain_world import FIRST, NOW, D, World, headline_fault

from pulse_runner.explain.evidence.gather import gather
from pulse_runner.explain.lineage.trace import Lineage
from pulse_runner.explain.ranking import explain
from pulse_runner.explain.timeline.archive import MAX_VERSIONS, archive, relevant
from pulse_runner.explain.timeline.diff import difference, text_difference
from pulse_runner.explain.timeline.git import last_commit

STAGING = "model.shop.stg_customers"
RAW = "select customer_id, cast(LTV as double) as ltv from {{ source('raw', 'customers') }}"


def with_code(code: str, **values: Any) -> dict[str, Any]:
    given = deepcopy(MANIFEST)
    given["nodes"][STAGING].update(raw_code=code, **values)
    return given


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run(["git", *who, "-C", str(root), *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a project in a git checkout with one commit of stg_customers."""
    (tmp_path / "dbt_project.yml").write_text("name: shop\n", encoding="utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/stg_customers.sql").write_text(RAW, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "First", "--date", "2026-05-01T12:00:00")
    return tmp_path


def edit(checkout: Path, code: str, subject: str) -> None:
    (checkout / "models/stg_customers.sql").write_text(code, encoding="utf-8")
    git(checkout, "commit", "-qam", subject, "--date", "2026-05-13T12:00:00")


def test_a_run_writes_versions_that_are_new_and_the_same_run_twice_nothing_more(
    world: World, project, checkout: Path
) -> None:
    assert archive(world, project, MANIFEST, checkout, FIRST, NOW) == 3  # the entity's model and both above it
    assert archive(world, project, MANIFEST, checkout, FIRST, NOW) == 0
    changed = RAW.replace("double", "float")
    edit(checkout, changed, "Ask bob@example.com, see https://evil.example.com/x")
    for _ in range(2):
        archive(world, project, with_code(changed), checkout, D, NOW + timedelta(days=1))
    rows = world.query("select * from pulse_upstream_history where node = 'stg_customers' order by seen_at")
    assert [(r["seen_on"], r["code"], str(r["authored_on"])) for r in rows] == [
        (FIRST, RAW, "None"), (D, changed, "2026-05-13"),
    ]  # fmt: skip
    assert rows[1]["subject"] == "Ask [address], see [link]"
    assert "ada" not in json.dumps(rows, default=str).lower().replace("data", "")


def test_the_edit_is_told_with_both_expressions_the_steps_and_the_commit(world: World, project, checkout: Path) -> None:
    archive(world, project, MANIFEST, checkout, FIRST, NOW)
    changed = RAW.replace("cast(LTV as double)", "nullif(cast(LTV as double), 0) / 100")
    edit(checkout, changed, "Cents")
    archive(world, project, with_code(changed), checkout, D, NOW + timedelta(days=1))
    bundle = gather(world, headline_fault(world), project, with_code(changed))
    fact = next(e for e in bundle.evidence if e.kind == "model_changed")
    commit = last_commit(checkout, "models/stg_customers.sql")
    assert commit is not None
    assert fact.statement == (
        "The model stg_customers (models/stg_customers.sql), 1 step above ltv, changed before the run of 2026-05-14: ltv was"
        " `CAST(LTV AS DOUBLE)` and is `NULLIF(CAST(LTV AS DOUBLE), 0) / 100`."
        f" Commit {commit.commit_id} of 2026-05-13: “Cents”."
    )
    first, *rest = explain(bundle.case, bundle.evidence).hypotheses
    assert first.cause == "null_burst"
    assert fact.id in first.evidence
    assert f"git show {commit.commit_id} -- models/stg_customers.sql" in first.actions[0]
    assert rest[0].cause == "model_changed"


def test_a_data_test_that_failed_above_is_told_without_its_message(world: World, project, checkout: Path) -> None:
    manifest = deepcopy(MANIFEST)
    test = {
        "name": "not_null_stg_customers_ltv", "resource_type": "test", "column_name": "ltv", "depends_on": {"nodes": [STAGING]},
        "original_file_path": "models/_models.yml", "raw_code": "",
    }  # fmt: skip
    manifest["nodes"]["test.shop.t"] = test
    (checkout / "target").mkdir()
    results = {"results": [{"unique_id": "test.shop.t", "status": "fail", "failures": 7, "message": "ada@example.com"}]}
    (checkout / "target/run_results.json").write_text(json.dumps(results), encoding="utf-8")
    archive(world, project, manifest, checkout, D, NOW)
    bundle = gather(world, headline_fault(world), project, manifest)
    assert [e.statement for e in bundle.evidence if e.kind == "test_failed"] == [
        "The data test not_null_stg_customers_ltv of stg_customers, 1 step above ltv, failed in the run of 2026-05-14."
    ]
    assert "ada@" not in json.dumps(world.query("select about from pulse_upstream_history"))


def test_without_the_table_there_is_no_fact_and_no_gap(world: World, project) -> None:
    world.run("drop table pulse_upstream_history")
    bundle = gather(world, headline_fault(world), project, MANIFEST)
    assert bundle.gaps == ()


def test_a_node_keeps_a_bounded_number_of_versions(world: World, project, checkout: Path) -> None:
    for n in range(MAX_VERSIONS + 4):
        day = FIRST + timedelta(days=n)
        archive(world, project, with_code(f"{RAW} -- {n}"), checkout, day, datetime(2026, 6, 1) + timedelta(days=n))
    rows = world.query("select code from pulse_upstream_history where node_id = ? order by seen_at", [STAGING])
    assert len(rows) == MAX_VERSIONS
    assert rows[-1]["code"].endswith(f"-- {MAX_VERSIONS + 3}")


def test_macros_of_the_project_are_followed_and_those_of_dbt_are_not(project) -> None:
    manifest = deepcopy(MANIFEST)
    manifest["nodes"][STAGING]["depends_on"]["macros"] = ["macro.shop.cents", "macro.dbt.ref"]
    manifest["macros"] = {
        "macro.shop.cents": {"name": "cents", "package_name": "shop", "macro_sql": "x", "depends_on": {"macros": []}},
        "macro.dbt.ref": {"name": "ref", "package_name": "dbt", "macro_sql": "y", "depends_on": {"macros": []}},
    }
    assert set(relevant(manifest, project)) == {
        "model.shop.dim_customers_daily", STAGING, "model.shop.stg_orders", "macro.shop.cents",
    }  # fmt: skip


SQL = "select customer_id, {made} as ltv from {{{{ source('raw', 'customers') }}}} {rest}"
EDITS = [
    ({"made": "a"}, {"made": "a + 1"}, ("column", "ltv", "a + 1")),
    ({"made": "a"}, {"made": "b"}, ("column", "customers.a", "customers.b")),
    ({"made": "a"}, {"made": "a", "rest": "where a > 0"}, ("rows", "", "WHERE a > 0")),
    ({"made": "a"}, {"made": "a /* cents */"}, ("nothing", "", "")),
    ({"made": "a"}, {"made": "{{ cents('a') }}"}, ("text", None, None)),
]


@pytest.mark.parametrize(("old", "new", "expected"), EDITS, ids=[e[2][0] + str(n) for n, e in enumerate(EDITS)])
def test_an_edit_is_told_by_what_it_changes(old, new, expected) -> None:
    texts = [SQL.format(**{"rest": "", **values}) for values in (old, new)]
    found = difference(Lineage(MANIFEST, "duckdb"), STAGING, texts[0], texts[1], ["ltv"])
    assert found.what == expected[0]
    if expected[1] is not None:
        assert (found.before, found.after) == expected[1:]


def test_code_that_is_no_sql_is_compared_by_lines() -> None:
    found = text_difference("def model(dbt):\n  x = 1\n", "def model(dbt):\n\n  x = 2\n")
    assert (found.what, found.before, found.after) == ("text", "x = 1", "x = 2")


def test_a_commit_is_not_named_where_it_may_be_another(checkout: Path, tmp_path_factory) -> None:
    assert last_commit(checkout, "models/stg_customers.sql") is not None
    (checkout / "models/stg_customers.sql").write_text("select 2", encoding="utf-8")
    assert last_commit(checkout, "models/stg_customers.sql") is None  # edited, not committed
    git(checkout, "commit", "-qam", "Two")
    (checkout / "other").write_text("x", encoding="utf-8")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "Three")
    shallow = tmp_path_factory.mktemp("clones") / "shallow"
    git(checkout, "clone", "-q", "--depth", "1", f"file://{checkout}", str(shallow))
    assert last_commit(shallow, "models/stg_customers.sql") is None  # git names the commit at which the clone ends
    outside = tmp_path_factory.mktemp("outside")
    assert last_commit(outside, "models/stg_customers.sql") is None
