"""Least privilege: a builder and a runner with exactly what docs/privileges.md gives, and with one privilege less each time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from foreign_project import ROOT, Foreign
from ruamel.yaml import YAML

pytestmark = pytest.mark.postgres

PAGE = (ROOT / "docs/privileges.md").read_text(encoding="utf-8")
TODAY = date.today()
PULSE = "marts_audiences"
FILES = {
    "dbt_project.yml": "name: shop\nversion: 1.0.0\nprofile: shop\nmodel-paths: [models]\n",
    ".gitignore": "target/\nlogs/\ndbt_packages/\n.user.yml\nprofiles.yml\n",
    "models/customers.sql": """\
{{ config(materialized='table') }}
select
    i as customer_id, cast(day as date) as day, case i % 3 when 0 then 'DE' else 'FR' end as country,
    case when cast(day as date) = current_date and i % 2 = 0 then null else i * 10 end as ltv
from generate_series(1, 300) as i, generate_series(current_date - 30, current_date, interval '1 day') as day
""",
}
RUNNER = "pulse --target pulse_runner"


def block(kind: str, after: str) -> str:
    """Return a block of the page: the first of its kind after a heading."""
    found = re.search(rf"^## {after}$.*?^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def merged(into: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with the lines of another put where they belong, as a person does it."""
    for key, value in more.items():
        into[key] = merged(into.get(key) or {}, value) if isinstance(value, Mapping) else value
    return into


def add_yaml(path: Path, text: str) -> None:
    yaml, out = YAML(typ="safe", pure=True), StringIO()
    yaml.dump(merged(yaml.load(path.read_text(encoding="utf-8")), yaml.load(text)), out)
    path.write_text(out.getvalue(), encoding="utf-8")


class TwoUsers(Foreign):
    """The project on a database of its own, with the two users of the page."""

    server: Path

    def sql(self, text: str, user: str = "postgres", database: str = "warehouse") -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(host=str(self.server), port=5432, user=user, dbname=database)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def counts(self) -> dict[str, int]:
        """Return the rows of each table of Pulse but the record of runs, which is there to say what failed."""
        names = self.sql(f"select tablename from pg_tables where schemaname = '{PULSE}' and tablename <> 'pulse_runs'")
        return {name: self.sql(f'select count(*) from {PULSE}."{name}"')[0][0] for (name,) in names}

    @contextmanager
    def without(self, privilege: str, on: str, user: str) -> Iterator[None]:
        self.sql(f"revoke {privilege} on {on} from {user}")
        try:
            yield
        finally:
            self.sql(f"grant {privilege} on {on} to {user}")


@pytest.fixture(scope="module")
def shop(postgres_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoUsers]:
    """Give the project: built by its owner, Pulse put in, the page's statements carried out, a month of snapshots made."""
    owner = f"type: postgres, host: {postgres_server}, port: 5432, user: postgres, password: '', dbname: warehouse, schema: marts"
    profile = f"shop:\n  target: dev\n  outputs:\n    dev: {{{owner}, threads: 2}}\n"
    project = TwoUsers(tmp_path_factory.mktemp("foreign") / "shop", FILES | {"profiles.yml": profile})
    project.server = postgres_server
    project.env |= {"PULSE_PG_HOST": str(postgres_server), "PULSE_PG_PASSWORD": "", "PULSE_LLM": "off"}
    project.sql("create database warehouse", database="postgres")
    project.sql("revoke all on database warehouse from public; revoke all on schema public from public")
    project.run("dbt build --quiet")
    project.run("pulse init && pulse init --relation \"ref('customers')\" --key customer_id --history day --yes")
    project.sql(block("sql", "Users and schemas"))
    add_yaml(project.root / "dbt_project.yml", block("yaml", "Tables"))
    add_yaml(project.root / "profiles.yml", block("yaml", "Profile"))
    build, run = block("sh", "Profile").strip().splitlines()
    span = f"{{pulse_from: '{TODAY - timedelta(days=30)}', pulse_to: '{TODAY}'}}"
    project.built = project.run(f'{build} --quiet --vars "{span}"')  # type: ignore[attr-defined]
    project.ran = project.run(run)  # type: ignore[attr-defined]
    yield project
    project.sql("drop database warehouse with (force)", database="postgres")
    project.sql("drop role pulse_builder; drop role pulse_runner", database="postgres")


def granted(shop: TwoUsers) -> list[tuple[str, str]]:
    """Return what the runner was given on tables: (table, privilege)."""
    return shop.sql(
        "select c.relname, lower(a.privilege_type) from pg_class as c, aclexplode(c.relacl) as a"
        " where a.grantee = 'pulse_runner'::regrole order by 1, 2"
    )


def test_each_user_does_its_half_with_what_the_page_gives(shop: TwoUsers) -> None:
    assert "1 opened" in shop.ran.stdout
    rows = shop.sql(f"select count(*) from {PULSE}.pulse_segment_snapshots where status = 'ok'")
    assert rows == [(31,)]
    found = shop.counts()
    assert all(found[t] for t in ("pulse_findings", "pulse_incidents", "pulse_incident_explanations", "pulse_alert_deliveries"))
    owners = shop.sql(f"select distinct tableowner from pg_tables where schemaname = '{PULSE}'")
    assert owners == [("pulse_builder",)]


@pytest.mark.parametrize(
    "statement",
    [
        "drop table {}.pulse_findings", "alter table {}.pulse_findings add column x integer", "create table {}.mine (x integer)",
        "truncate {}.pulse_findings", "update {}.pulse_incidents set status = 'resolved'", "create temporary table mine (x integer)",
        "delete from {}.pulse_segment_snapshots", "select * from marts.customers", "comment on table {}.pulse_runs is 'mine'",
    ],
)  # fmt: skip
def test_the_runner_may_do_nothing_else(shop: TwoUsers, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        shop.sql(statement.format(PULSE), user="pulse_runner")


def test_z_probe(shop: TwoUsers) -> None:
    out = []
    for table, privilege in granted(shop):
        shop.sql(f"delete from {PULSE}.pulse_incident_explanations")
        before = shop.counts()
        with shop.without(privilege, f"{PULSE}.{table}", "pulse_runner"):
            done = shop.run(f"{RUNNER} run --no-build", ok=False)
            out.append((table, privilege, done.returncode, done.stderr, {k: (before[k], v) for k, v in shop.counts().items() if v != before[k]}))
    Path("/tmp/probe.txt").write_text("\n".join(map(str, out)))
