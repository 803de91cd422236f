"""Least privilege: a builder and a runner with exactly what docs/privileges.md gives, and with one privilege less each time."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from foreign_project import ROOT, Foreign
from ruamel.yaml import YAML

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("two_users")]

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
WRITTEN = (
    "pulse_findings", "pulse_incidents", "pulse_incident_events", "pulse_incident_explanations", "pulse_alert_deliveries",
    "pulse_runs",
)  # fmt: skip
READ = (
    "pulse_segments", "pulse_segment_snapshots", "pulse_segment_reach", "pulse_segment_distributions", "pulse_segment_changes",
    "pulse_segment_flows", "pulse_entity_health", "pulse_column_profiles", "pulse_known_events", "pulse_reach_ladder",
)  # fmt: skip
# written too, and not in each run: by `pulse silences`, by a model's answers, where the code above an entity is new
SOMETIMES = [
    (f"pulse_{t}", p)
    for t in ("silences", "investigations", "upstream_history")
    for p in ("select", "insert", "delete")
]
ON_TABLES = [(t, "select") for t in READ] + [(t, p) for t in WRITTEN for p in ("select", "insert", "delete")]
MORE = pytest.mark.matrix
SHOWN = [*ON_TABLES[:2], *ON_TABLES[-3:]]  # in `make test`; the others in `make test-matrix`


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


BUILD, RUN = block("sh", "Profile").strip().splitlines()


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

    def forget(self) -> None:
        """Take away what the runner wrote, so that the next run has everything to do."""
        self.sql("; ".join(f"delete from {PULSE}.{table}" for table in WRITTEN))

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
    span = f"{{pulse_from: '{TODAY - timedelta(days=30)}', pulse_to: '{TODAY}'}}"
    project.built = project.run(f'{BUILD} --quiet --vars "{span}"')  # type: ignore[attr-defined]
    project.ran = project.run(RUN)  # type: ignore[attr-defined]
    yield project
    project.sql("drop database warehouse with (force)", database="postgres")
    project.sql("drop role dbt_builder; drop role pulse_runner", database="postgres")


def granted(shop: TwoUsers) -> list[tuple[str, str]]:
    """Return what the runner was given on tables: (table, privilege)."""
    return shop.sql(
        "select c.relname, lower(a.privilege_type) from pg_class as c, aclexplode(c.relacl) as a"
        " where a.grantee = 'pulse_runner'::regrole order by 1, 2"
    )


def test_each_user_does_its_half_with_what_the_page_gives(shop: TwoUsers) -> None:
    assert "Customers with high ltv: size fell 50 %" in shop.ran.stdout
    rows = shop.sql(f"select count(*) from {PULSE}.pulse_segment_snapshots where status = 'ok'")
    assert rows == [(31,)]
    found = shop.counts()
    assert all(
        found[t] for t in ("pulse_findings", "pulse_incidents", "pulse_incident_explanations", "pulse_alert_deliveries")
    )
    owners = shop.sql(f"select distinct tableowner from pg_tables where schemaname = '{PULSE}'")
    assert owners == [("dbt_builder",)]


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


def test_dbt_gives_the_runner_the_documented_privileges_and_no_other(shop: TwoUsers) -> None:
    assert granted(shop) == sorted(ON_TABLES + SOMETIMES)


def refused(done: subprocess.CompletedProcess[str], what: str, do: str) -> None:
    """Assert that a command said in two lines, and in no more, what it may not and which statement mends it."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("Error: ")
    assert what in lines[0]
    assert lines[1].startswith(f"  Its owner can: {do}")


@pytest.fixture(scope="module")
def whole(shop: TwoUsers) -> dict[str, int]:
    """Return the rows of each table after a run that went through."""
    shop.forget()
    shop.run(RUN)
    return shop.counts()


@pytest.mark.parametrize(
    ("table", "privilege"), [pytest.param(*o, marks=() if o in SHOWN else pytest.mark.matrix) for o in ON_TABLES]
)
def test_without_one_privilege_a_run_names_it_and_leaves_whole_stages(
    shop: TwoUsers, whole: Mapping[str, int], table: str, privilege: str
) -> None:
    shop.forget()
    with shop.without(privilege, f"{PULSE}.{table}", "pulse_runner"):
        done = shop.run(RUN, ok=False)
    refused(
        done, f'User "pulse_runner" may not use "{PULSE}"."{table}": permission denied for table {table}.', "grant "
    )
    given = re.search(r"grant ([\w, ]+) on (\S+) to (\S+);", done.stderr)
    assert given is not None
    assert privilege in given[1].split(", ")
    assert (given[2], given[3]) == (f'"{PULSE}"."{table}"', '"pulse_runner"')
    left = shop.counts()
    assert all(left[name] in (0, rows) for name, rows in whole.items())
    assert len({left[t] > 0 for t in ("pulse_findings", "pulse_incidents", "pulse_incident_events")}) == 1


@pytest.mark.parametrize(
    ("privilege", "on", "said"),
    [
        ("usage", f"schema {PULSE}", f"permission denied for schema {PULSE}"),
        ("connect", "database warehouse", "permission denied for database"),
    ],
)
def test_the_runner_without_a_schema_or_the_database(shop: TwoUsers, privilege: str, on: str, said: str) -> None:
    kind, name = on.split()
    with shop.without(privilege, on, "pulse_runner"):
        for command in (RUN, RUN.replace("run --no-build", "incidents list")):
            done = shop.run(command, ok=False)
            refused(
                done,
                f'User "pulse_runner" may not use "{name}": {said}',
                f'grant {privilege} on {kind} "{name}" to "pulse_runner";',
            )


def test_a_preview_takes_the_two_statements_that_the_page_sets_apart(shop: TwoUsers) -> None:
    preview = "pulse --target pulse_runner segments preview customers_high_ltv --format csv"
    apart = re.findall(r"`(grant [^`]+)`", PAGE.split("Three things go beyond these.")[1])
    assert len(apart) == 2
    refused(shop.run(preview, ok=False), 'may not use "marts"', 'grant usage on schema "marts"')
    shop.sql(f"{apart[0]} to pulse_runner")
    refused(shop.run(preview, ok=False), 'may not use "marts"."customers"', 'grant select on "marts"."customers"')
    shop.sql(f"{apart[1]} to pulse_runner")
    assert shop.run(preview).stdout.splitlines()[-1].split(",")[3] == "75"
    shop.sql("revoke all on marts.customers from pulse_runner; revoke all on schema marts from pulse_runner")


@pytest.mark.parametrize(
    ("privilege", "on", "said"),
    [
        pytest.param("connect", "database warehouse", 'permission denied for database "warehouse"', marks=MORE),
        ("temporary", "database warehouse", 'permission denied to create temporary tables in database "warehouse"'),
        pytest.param("usage", "schema marts", "permission denied for schema marts", marks=MORE),
        ("select", "marts.customers", "permission denied for table customers"),
        pytest.param("usage", f"schema {PULSE}", f"permission denied for schema {PULSE}", marks=MORE),
        ("create", f"schema {PULSE}", f"permission denied for schema {PULSE}"),
    ],
)
def test_without_one_privilege_the_build_says_which_and_writes_no_day(
    shop: TwoUsers, whole: Mapping[str, int], privilege: str, on: str, said: str
) -> None:
    before = shop.counts()
    with shop.without(privilege, on, "dbt_builder"):
        done = shop.run(f"{BUILD} --no-use-colors", ok=False)
    assert done.returncode != 0
    assert said in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout + done.stderr
    assert shop.counts() == before


def test_a_command_that_builds_as_the_wrong_user_says_so_in_two_lines(shop: TwoUsers) -> None:
    done = shop.run("pulse --target dbt_builder snapshot", ok=False)
    assert (done.returncode, done.stdout) == (1, "")
    what, do = done.stderr.splitlines()
    assert what.startswith(
        'Error: dbt was refused at customers. The user of the profile may not use "marts": permission denied'
    )
    assert do.startswith("  Build as its owner; `dbt build --select tag:pulse` builds Pulse's tables only.")
