"""Readiness for other warehouses and later versions of dbt: what can be known without a connection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlglot
from plain_dbt import dbt

PROFILES = {
    "duckdb": "type: duckdb, path: dummy.duckdb",
    "postgres": "type: postgres, host: localhost, user: dummy, password: dummy, dbname: analytics, port: 5432",
    "snowflake": "type: snowflake, account: dummy, user: dummy, password: dummy, role: dummy, database: analytics, warehouse: dummy",
}
DEPRECATIONS_ARE_ERRORS = ("--no-partial-parse", "--warn-error-options", '{"error": ["Deprecations"]}')
# what a connection would be asked: the columns of a relation (none: it counts as whole) and whether a table is there
WITHOUT_A_CONNECTION = {
    "pulse_column_types": "{% macro pulse_column_types(relation) %}{{ return({}) }}{% endmacro %}",
    "pulse_is_built": "{% macro pulse_is_built() %}{{ return(true) }}{% endmacro %}",
    "is_incremental": "{% macro is_incremental() %}{{ return(true) }}{% endmacro %}",
}


def use(root: Path, adapter: str) -> Path:
    """Write a profile of the adapter that leads nowhere; skip where the adapter is not installed."""
    pytest.importorskip(
        f"dbt.adapters.{adapter}", reason=f"dbt-{adapter} is not installed; it is in the dev requirements"
    )
    (root / "profiles.yml").write_text(
        f"pulse:\n  target: dummy\n  outputs:\n    dummy: {{{PROFILES[adapter]}, schema: pulse, threads: 1}}\n",
        encoding="utf-8",
    )
    return root


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dbt check the project files against its JSON Schemas on every adapter; of ours it does so on Snowflake only."""
    monkeypatch.setattr("dbt.jsonschemas.jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS", set(PROFILES))


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("adapter", PROFILES)
def test_the_project_parses_with_every_deprecation_an_error(plain_project: Path, adapter: str) -> None:
    done = dbt(use(plain_project, adapter), "parse", *DEPRECATIONS_ARE_ERRORS)
    assert done.success, done.exception


@pytest.mark.usefixtures("strict")
def test_an_unknown_key_in_the_project_would_fail_that_test(plain_project: Path) -> None:
    path = plain_project / "pulse_package/models/marts/_marts__models.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("  - name: pulse_open_incidents", "  - name: pulse_open_incidents\n    nonsense: 1", 1),
        encoding="utf-8",
    )
    done = dbt(use(plain_project, "duckdb"), "parse", *DEPRECATIONS_ARE_ERRORS)
    assert not done.success
    assert "CustomKeyInObjectDeprecation" in str(done.exception)


BRANCHES = {
    "snowflake__pulse_and('w0', 'm')": "bitand(w0, m)",
    "default__pulse_and('w0', 'm')": "(w0 & m)",
    "snowflake__pulse_bitwise('not (w1 & 12) = 12 and (b0 & 3) <> 0')": "not bitand(w1, 12) = 12 and bitand(b0, 3) <> 0",
    "snowflake__pulse_matches('plan', \"'^p\\\\d'\")": "regexp_instr(plan, '^p\\\\d') > 0",
    "default__pulse_matches('plan', \"'^p'\")": "regexp_like(plan, '^p')",
    "default__pulse_quantiles('ltv', 'x', ['0.5', '0.9'])": (
        "percentile_disc(0.5) within group (order by x) as ltv__q1, percentile_disc(0.9) within group (order by x) as ltv__q2"
    ),
    "default__pulse_quantile_of('ltv', 2)": "ltv__q2",
    "default__pulse_materialized()": "",
    "default__pulse_drop_step('moves')": "drop table if exists moves;",
    "default__pulse_lock(this)": "select 1",
    "default__pulse_session()": "",
    "default__pulse_whole('delete from a; insert into a select 1;')": "delete from a; insert into a select 1;",
}


def test_the_branches_that_no_tested_warehouse_takes_render(plain_project: Path) -> None:
    lines = "\n".join(f"-- {{{{ pulse.{call} }}}}" for call in BRANCHES)
    done = dbt(use(plain_project, "duckdb"), "compile", "--no-populate-cache", "--inline", f"select 1\n{lines}")
    assert done.success, done.exception
    rendered = done.result.results[0].node.compiled_code.split("\n")[1:]
    assert dict(zip(BRANCHES, rendered, strict=True)) == {call: f"-- {sql}" for call, sql in BRANCHES.items()}


def test_every_dispatched_macro_has_a_branch_for_any_warehouse(plain_project: Path) -> None:
    text = "\n".join(
        p.read_text(encoding="utf-8") for p in sorted((plain_project / "pulse_package/macros").rglob("*.sql"))
    )
    dispatched = {part.split("'")[0] for part in text.split("adapter.dispatch('")[1:]}
    assert dispatched == {"pulse_and", "pulse_bitwise", "pulse_matches", "pulse_materialized", "pulse_make_step", "pulse_drop_step", "pulse_unpivot", "pulse_quantiles", "pulse_quantile_of", "pulse_lock", "pulse_session", "pulse_whole", "pulse_mark_of", "pulse_write_mark"}  # fmt: skip
    assert {name for name in dispatched if f"macro default__{name}(" not in text} == set()


def test_every_model_and_test_compiles_to_sql_that_a_snowflake_parser_reads(plain_project: Path) -> None:
    root = use(plain_project, "snowflake")
    for name, body in WITHOUT_A_CONNECTION.items():
        next(
            (root / "pulse_package/macros").rglob(f"{name}.sql"), root / f"pulse_package/macros/{name}.sql"
        ).write_text(body, encoding="utf-8")
    # the demo's list of days is made by a query, and seeds are data
    left_out = ("--exclude", "stg_demo__days", "resource_type:unit_test", "resource_type:seed")
    done = dbt(root, "compile", "--no-populate-cache", "--no-introspect", *left_out)
    assert done.success, done.exception
    nodes = json.loads((root / "target/manifest.json").read_text(encoding="utf-8"))["nodes"]
    compiled = {n["name"]: n["compiled_code"] for n in nodes.values() if n.get("compiled_code")}
    assert {p.stem for folder in ("models", "pulse_package/models") for p in (root / folder).rglob("*.sql")} - set(
        compiled
    ) == {"stg_demo__days"}
    for name, sql in compiled.items():
        assert len(sqlglot.parse(sql, read="snowflake")) == 1, name
    facts = compiled["pulse_customers__facts"]
    assert "bitand(w0, " in facts
    assert " & " not in facts
    assert "as materialized" not in facts
