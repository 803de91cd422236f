"""The second foreign project: custom schemas on Postgres, models called `segments` and `incidents`, a dbt snapshot as entity, two users."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from foreign_project import Foreign

pytestmark = [pytest.mark.matrix, pytest.mark.postgres, pytest.mark.xdist_group("foreign_postgres")]

TODAY = date.today()
FILES = {
    "dbt_project.yml": """\
name: crm
version: 1.0.0
profile: crm_profile
model-paths: [models]
snapshot-paths: [snapshots]
seeds: {crm: {+schema: raw, +grants: {select: [crm_runner]}}}
models:
  crm:
    staging:
      +schema: stg
    marts: {+schema: mart, +materialized: table}
  pulse:
    +schema: audiences   # the owner decides where Pulse's tables go
    +grants: {select: [crm_reader, crm_runner]}   # and who reads them
    incidents:
      +grants: {insert: [crm_runner], delete: [crm_runner]}
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
def crm(postgres_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """Give the project, built once by its owner, and then with Pulse in it; a second user runs Pulse, a third one reads."""
    schema = f"crm_{uuid4().hex[:8]}"
    output = f"type: postgres, host: {postgres_server}, port: 5432, password: '', dbname: postgres, schema: {schema}, threads: 2"
    users = {"dev": "crm_builder", "ops": "crm_runner"}
    outputs = "".join(f"    {target}: {{user: {user}, {output}}}\n" for target, user in users.items())
    profile = f"crm_profile:\n  target: dev\n  outputs:\n{outputs}"
    project = Foreign(tmp_path_factory.mktemp("foreign") / "crm", FILES | {"profiles.yml": profile})
    project.schema, project.server = schema, postgres_server  # type: ignore[attr-defined]
    query(project, "create role crm_builder login; create role crm_runner login; create role crm_reader")
    query(project, "grant create, temporary on database postgres to crm_builder")
    project.before = project.own_results()  # type: ignore[attr-defined]
    age(project)
    project.run("pulse init")
    project.said = project.run("pulse init --relation \"ref('accounts_snapshot')\" --key 'Account Id' --owner crm-team")  # type: ignore[attr-defined]
    yield project
    query(
        project,
        "drop owned by crm_builder cascade; drop owned by crm_runner; drop role crm_builder, crm_runner, crm_reader",
    )


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


def test_the_owners_grants_are_on_every_table_of_the_package(crm: Foreign) -> None:
    given = query(
        crm,
        "select c.relname, string_agg(lower(a.privilege_type), ' ' order by a.privilege_type) from pg_class as c,"
        f" aclexplode(c.relacl) as a where c.relnamespace = '{crm.schema}__audiences'::regnamespace"
        " and a.grantee = 'crm_runner'::regrole group by 1",
    )
    nodes = [n for n in crm.manifest().values() if n["package_name"] == "pulse" and n["resource_type"] == "model"]
    runners = {n["name"] for n in nodes if "pulse_runner" in n["config"]["tags"]}
    assert dict(given) == {n["name"]: "delete insert select" if n["name"] in runners else "select" for n in nodes}
    reads = query(
        crm, f"select has_table_privilege('crm_reader', '{crm.schema}__audiences.pulse_segment_snapshots', 'select')"
    )
    assert reads == [(True,)]


@pytest.mark.matrix
def test_the_second_user_runs_what_the_first_one_built(crm: Foreign) -> None:
    for schema in ("audiences", "raw"):
        query(crm, f"grant usage on schema {crm.schema}__{schema} to crm_runner")
    done = crm.run("pulse --target ops run --no-build")
    assert "skipped (--no-build)" in done.stdout
    refused = crm.run("pulse --target ops run", ok=False)
    assert refused.returncode == 1
    assert "dbt was refused" in refused.stderr or "may not use" in refused.stderr
    assert len(refused.stderr.splitlines()) == 2


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


@pytest.mark.matrix
def test_a_planted_fault_on_the_last_day_is_told(crm: Foreign) -> None:
    path = crm.root / "seeds/raw_accounts.csv"
    path.write_text(FILES["seeds/raw_accounts.csv"].replace("gold", "GOLD"), encoding="utf-8")
    done = crm.run("pulse run")
    path.write_text(FILES["seeds/raw_accounts.csv"], encoding="utf-8")
    assert "accounts_high_mrr: Accounts with high MRR: tier shifted by 38 %, most in GOLD" in done.stdout
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
