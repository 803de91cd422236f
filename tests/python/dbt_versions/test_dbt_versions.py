"""dbt v2 beside dbt 1.11 in every run of the tests; `make test-dbt` walks all versions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest
from dbt_environments import CONSTRAINTS, ROOT, VERSIONS, CannotMakeError, Environment, prepare
from dbt_tables import differences, read_tables
from dbt_walk import Project, WalkError
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from plain_dbt import FIRST, LAST, Built, copy_project

from pulse_runner.adopt.landed import TABLES, columns_of
from pulse_runner.package import project_files


@pytest.fixture(scope="session")
def v2() -> Environment:
    """Give dbt v2; it is made once, which takes about ten seconds."""
    try:
        return prepare("2.0")
    except CannotMakeError as error:
        pytest.skip(f"there is no dbt v2 in .dbt-envs/2.0, and it cannot be made: {error}")


@pytest.mark.parametrize("built", ["duckdb"], indirect=True)
def test_a_first_build_on_dbt_v2_leaves_the_tables_of_dbt_1_and_its_semantic_model_can_be_added(
    v2: Environment, built: Built, tmp_path: Path
) -> None:
    project = Project(v2, copy_project(tmp_path))
    project.write_profile("duckdb", f"path: {str(project.database)!r}")
    project.parse()
    project.build(FIRST, LAST)
    project.test()
    assert differences(read_tables(built.root / "pulse.duckdb"), read_tables(project.database)) == []
    assert unmarked(project.database) == []
    project.semantics()


def unmarked(database: Path) -> list[str]:
    """Return the tables and views of Pulse without the mark by which Pulse knows its own."""
    with duckdb.connect(str(database), read_only=True) as c:
        rows = c.execute(
            "select table_name, comment from duckdb_tables() union all select view_name, comment from duckdb_views()"
            " where not internal"
        ).fetchall()
    mine = [(name, comment) for name, comment in rows if name.startswith(("pulse_", "seg_"))]
    assert len(mine) > 20
    return [name for name, comment in mine if "Made by Pulse for demo_shop." not in (comment or "")]


def test_dbt_v2_refuses_tables_that_pulse_did_not_make(v2: Environment, tmp_path: Path) -> None:
    project = Project(v2, copy_project(tmp_path))
    project.write_profile("duckdb", f"path: {str(project.database)!r}")
    with duckdb.connect() as c:
        c.execute(f"attach '{project.database}' as theirs (storage_version 'v1.4.0')")  # dbt v2 brings an older DuckDB
        c.execute("create table theirs.pulse_incidents as select 1 as id")
        c.execute("create table theirs.pulse_known_events as select 2 as id")
    with pytest.raises(WalkError) as refused:
        project.build(FIRST, LAST)
    assert "is there already, and Pulse did not make it" in " ".join(str(refused.value).split())
    with duckdb.connect(str(project.database), read_only=True) as c:
        assert c.execute("select * from pulse_incidents").fetchall() == [(1,)]
        assert c.execute("select * from pulse_known_events").fetchall() == [(2,)]


def test_dbt_v2_adds_columns_to_a_table_of_an_earlier_version(v2: Environment, tmp_path: Path) -> None:
    project = Project(v2, copy_project(tmp_path))
    project.write_profile("duckdb", f"path: {str(project.database)!r}")
    columns = "snapshot_date date, previous_date date, entity text, segment_id text, fact text, item text, bucket text, leaf_columns text"
    with duckdb.connect() as c:
        c.execute(f"attach '{project.database}' as older (storage_version 'v1.4.0')")
        c.execute(f"create table older.pulse_customers__facts ({columns}, members bigint)")
    project.build(LAST, LAST)
    with duckdb.connect(str(project.database), read_only=True) as c:
        assert c.execute("select count(*) > 0, sum(amount) > 0 from pulse_customers__facts").fetchall() == [
            (True, True)
        ]


def test_dbt_v2_refuses_to_begin_anew_beside_tables_of_0_1_0(v2: Environment, tmp_path: Path) -> None:
    project = Project(v2, copy_project(tmp_path))
    project.write_profile("duckdb", f"path: {str(project.database)!r}")
    columns = ", ".join(f"{column} {type_}" for column, type_ in columns_of(TABLES["segments"]).items())
    with duckdb.connect() as c:
        c.execute(f"attach '{project.database}' as older (storage_version 'v1.4.0')")
        c.execute(f"create table older.segments ({columns})")
    with pytest.raises(WalkError) as refused:
        project.build(LAST, LAST)
    assert "Tables of Pulse 0.1.0 stand in schema main" in " ".join(str(refused.value).split())


def test_a_difference_between_two_builds_is_told_with_its_column() -> None:
    columns = [("segment_id", "VARCHAR"), ("share", "DOUBLE")]
    tables = {"pulse_a": (columns, [("vip", 0.25)])}
    assert differences(tables, {"pulse_a": (columns, [("vip", 0.25 + 1e-11)])}) == []
    assert differences(tables, {"pulse_a": (columns, [("vip", 0.25 + 1e-7)])}) == [
        "pulse_a differs in 1 rows, such as share: '0.2500001', not '0.25'"
    ]
    assert differences(tables, {}) == ["pulse_a is on one side only"]


def test_every_version_that_is_tried_is_allowed_by_the_package_and_by_the_runner() -> None:
    package = re.search(r"^require-dbt-version: (.*)$", (ROOT / "dbt_project.yml").read_text(encoding="utf-8"), re.M)
    runner = re.search(r'"dbt-core(.*?)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert package is not None
    assert runner is not None
    allowed = SpecifierSet(",".join(json.loads(package[1])))
    tried = {v: Version((re.findall(r"^dbt-core==(\S+)", _pins(v), re.M))[-1]) for v in VERSIONS}
    assert {
        v for v, version in tried.items() if version in allowed or allowed.contains(version, prereleases=True)
    } == set(VERSIONS)
    assert {v for v, version in tried.items() if version in SpecifierSet(runner[1])} == {"1.10", "1.11", "1.12"}


def test_no_macro_chains_comparisons_which_dbt_v2_reads_in_another_way() -> None:
    code = {
        p.name: re.findall(r"{[{%].*?[}%]}", p.read_text(encoding="utf-8")) for p in (ROOT / "macros").rglob("*.sql")
    }
    chained = re.compile(r"(?:<|<=|>|>=) [\w.\[\]| ]+ (?:<|<=|>|>=) ")
    assert chained.search("{% if first <= days | int <= last %}")
    assert {
        name: part for name, parts in code.items() for part in parts if chained.search(re.sub(" and | or ", "; ", part))
    } == {}


def _pins(version: str) -> str:
    return (ROOT / "constraints.txt").read_text(encoding="utf-8") + (CONSTRAINTS / f"{version}.txt").read_text(
        encoding="utf-8"
    )


def test_projects_that_pulse_makes_say_that_its_tables_read_their_models() -> None:
    flag = "require_ref_searches_node_package_before_root: true"
    assert flag in project_files("audiences")["dbt_project.yml"]
    assert flag in (ROOT / "demo/dbt_project.yml").read_text(encoding="utf-8")
