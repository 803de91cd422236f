"""The second foreign project: custom schemas on Postgres, models called `segments` and `incidents`, a dbt snapshot as entity, two users."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from foreign_project import Foreign

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("foreign_postgres")]

TODAY = date.today()
FILES = {
    "dbt_project.yml": """\
name: crm
version: 1.0.0
profile: crm_profile
model-paths: [models]
snapshot-paths: [snapshots]
seeds: {crm: {+schema: raw}}
models:
  crm:
    staging:
      +schema: stg
    marts: {+schema: mart, +materialized: table}
  pulse:
    +schema: audiences   # the owner decides where Pulse's tables go
vars: {cutoff: 3}
""",
    "macros/generate_schema_name.sql": """\
{% macro generate_schema_name(custom_schema_name, node) %}{{ target.schema }}__{{ custom_schema_name or 'base' }}{% endmacro %}
""",
    ".gitignore": "target/\nlogs/\ndbt_packages/\n.user.yml\nprofiles.yml\n",
    "seeds/raw_accounts.csv": "Account Id,tier,MRR,updated_at\n"
    + "".join(f"{i},{'gold' if i % 4 == 0 else 'basic'},{i * 10},2026-01-01\n" for i in range(1, 121)),
    "models/staging/sources.yml": """\
sources:
  - name: lake
    schema: "{{ target.schema }}__raw"
    tables:
      - {name: accounts, identifier: raw_accounts}
""",
    "models/marts/segments.sql": "select tier as segment, count(*) as accounts from {{ ref('accounts') }} group by 1\n",
    "models/marts/incidents.sql": "select 1 as id, 'door' as title, 'open' as status\n",
    "models/marts/accounts.sql": "{{ config(alias='Accounts v2') }}\nselect * from {{ source('lake', 'accounts') }}\n-- depends_on: {{ ref('raw_accounts') }}\n",
    "snapshots/accounts_snapshot.sql": """\
{% snapshot accounts_snapshot %}
{{ config(target_schema=target.schema ~ '__hist', unique_key='"Account Id"', strategy='check', check_cols=['tier', '"MRR"']) }}
select * from {{ source('lake', 'accounts') }}
-- depends_on: {{ ref('raw_accounts') }}
{% endsnapshot %}
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def crm(postgres_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """Give the project, built once by its owner, and then with Pulse in it."""
    schema = f"crm_{uuid4().hex[:8]}"
    output = f"type: postgres, host: {postgres_server}, port: 5432, user: postgres, password: '', dbname: postgres, schema: {schema}, threads: 2"
    profile = f"crm_profile:\n  target: dev\n  outputs:\n    dev: {{{output}}}\n"
    project = Foreign(tmp_path_factory.mktemp("foreign") / "crm", FILES | {"profiles.yml": profile})
    project.schema, project.server = schema, postgres_server  # type: ignore[attr-defined]
    project.before = project.own_results()  # type: ignore[attr-defined]
    age(project)
    project.run("pulse init")
    project.said = project.run("pulse init --relation \"ref('accounts_snapshot')\" --key 'Account Id' --owner crm-team")  # type: ignore[attr-defined]
    return project


def query(project: Foreign, sql: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(host=str(project.server), port=5432, user="postgres", dbname="postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def age(project: Foreign) -> None:
    """Let the snapshot have a past: it was taken forty days ago, and a quarter of the accounts changed ten days ago."""
    table = f"{project.schema}__hist.accounts_snapshot"
    then, later = TODAY - timedelta(days=40), TODAY - timedelta(days=10)
    query(project, f"update {table} set dbt_valid_from = '{then}'")
    query(
        project,
        f"insert into {table} select \"Account Id\", 'gold', \"MRR\", updated_at, dbt_scd_id || 'x', dbt_updated_at, '{later}', null from {table} where tier = 'basic' and \"Account Id\" % 3 = 0",
    )
    query(project, f"update {table} set dbt_valid_to = '{later}' where tier = 'basic' and \"Account Id\" % 3 = 0")


def test_the_dbt_snapshot_is_known_as_one(crm: Foreign) -> None:
    entity = (crm.root / "segments/entities/accounts.yml").read_text(encoding="utf-8")
    assert (
        "relation: ref('accounts_snapshot')\nkey: \"Account Id\"\nhistory: {valid_from: dbt_valid_from, valid_to: dbt_valid_to}\n"
        in entity
    )
    assert "dbt_scd_id" not in entity
    assert "attributes: [tier] " in entity
    assert "is a dbt snapshot: dbt_valid_from and dbt_valid_to say when a row was true" in crm.said.stderr


def test_the_tables_are_where_the_owners_config_puts_them_and_the_runner_finds_them(crm: Foreign) -> None:
    first = TODAY - timedelta(days=30)
    (crm.root / "segments/gold.yml").write_text(
        "segment: gold\nentity: accounts\nowner: crm-team\nrules:\n  - {field: tier, operator: '=', value: gold}\n",
        encoding="utf-8",
    )
    crm.run(f"pulse compile && pulse snapshot --from {first} && pulse run")
    schemas = {
        row[0]
        for row in query(
            crm,
            "select table_schema from information_schema.tables where table_name like 'pulse%' and table_name not like 'pulse\\_accounts\\_\\_%'",
        )
    }
    assert {s for s in schemas if s.startswith(crm.schema)} == {f"{crm.schema}__audiences", f"{crm.schema}__raw"}
    sizes = dict(
        query(
            crm,
            f"select snapshot_date, size from {crm.schema}__audiences.pulse_segment_snapshots where segment_id = 'gold'",
        )
    )
    assert (sizes[TODAY - timedelta(days=20)], sizes[TODAY - timedelta(days=5)]) == (30, 60)
    listed = crm.run("pulse snapshots list --format csv").stdout
    assert "gold" in listed


def test_the_owners_models_called_segments_and_incidents_are_as_before(crm: Foreign) -> None:
    assert crm.own_results() == crm.before
    assert query(crm, f"select * from {crm.schema}__mart.incidents") == [(1, "door", "open")]
    columns = query(
        crm,
        f"select column_name from information_schema.columns where table_schema = '{crm.schema}__mart' and table_name = 'segments' order by 1",
    )
    assert columns == [("accounts",), ("segment",)]


def test_a_table_of_another_project_is_refused_by_name(crm: Foreign) -> None:
    table = f"{crm.schema}__audiences.pulse_incidents"
    mark = query(crm, f"select obj_description('{table}'::regclass)")[0][0]
    query(crm, f"comment on table {table} is 'Made by Pulse for billing.'")
    done = crm.run("pulse run", ok=False)
    assert (
        f'"{crm.schema}__audiences"."pulse_incidents" belongs to Pulse of another project (Made by Pulse for billing.)'
        in done.stderr
    )
    query(crm, f"comment on table {table} is $mark${mark}$mark$")


def test_a_planted_fault_on_the_last_day_is_told(crm: Foreign) -> None:
    path = crm.root / "seeds/raw_accounts.csv"
    path.write_text(FILES["seeds/raw_accounts.csv"].replace("gold", "GOLD"), encoding="utf-8")
    done = crm.run("pulse run")
    path.write_text(FILES["seeds/raw_accounts.csv"], encoding="utf-8")
    assert "accounts_high_mrr: Accounts with high MRR: tier shifted by 38%, most in GOLD" in done.stdout
    shown = crm.run("pulse incidents list --format csv").stdout
    assert "most in GOLD" in shown


def test_uninstall_leaves_no_difference(crm: Foreign) -> None:
    done = crm.run("pulse uninstall --yes")
    assert crm.difference() == ""
    for statement in done.stdout.split("\n-- The tables stay")[1].splitlines()[1:]:
        query(crm, statement)
    left = query(
        crm,
        f"select table_name from information_schema.tables where table_schema like '{crm.schema}%' and table_name like 'pulse%'",
    )
    assert left == []
