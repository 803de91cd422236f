"""The third foreign project: a consumer of another package, with columns of any name, events, 60 columns, a prefix and two databases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date

import duckdb
import pytest
from alert.servers import Web, web_server
from foreign_project import Foreign

from pulse_runner.vocabulary import day_month

pytestmark = [pytest.mark.matrix, pytest.mark.xdist_group("foreign_odd")]

DAYS = 40
MORE = [f"extra_{n}" for n in range(1, 49)]
FILES = {
    "dbt_project.yml": """\
name: storefront
version: 1.0.0
profile: storefront
seed-paths: [data]
models:
  storefront: {+materialized: table}
  commerce: {+materialized: table}
  pulse: {+database: lake}   # Pulse's tables go into a file of their own
""",
    "packages.yml": "packages:\n  - local: vendor/commerce\n",
    "profiles.yml": """\
storefront:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, threads: 2, attach: [{path: lake.duckdb, alias: lake}]}
""",
    ".gitignore": "target/\nlogs/\ndbt_packages/\n*.duckdb\n*.duckdb.wal\n.user.yml\npackage-lock.yml\n",
    "macros/generate_alias_name.sql": """\
{% macro generate_alias_name(custom_alias_name=none, node=none) %}acme_{{ custom_alias_name or node.name }}{% endmacro %}
""",
    "models/orders_by_group.sql": """select "Group By", count(*) as "Order" from {{ ref('dim_customers') }} group by 1\n""",
    "vendor/commerce/dbt_project.yml": "name: commerce\nversion: 0.3.0\nmodel-paths: [models]\n",
    "vendor/commerce/models/people.sql": f"""\
select
    cast(md5(i::varchar) as uuid) as "customer-id", cast(current_date as date) - cast(d as integer) as "Snapshot Date",
    cast(case when false then null else i * 10 end as decimal(18, 4)) as "Order",
    case i % 3 when 0 then 'north' else 'south' end as "Group By",
    cast(current_date - cast((i + d) % 20 + d as integer) as timestamp) at time zone 'UTC' as "Last Seen",
    case when i % 25 = d % 25 then cast(current_date - cast(d as integer) as timestamp) at time zone 'UTC' end as "select",
    i % 2 = 0 as "may mail", {", ".join(f"i * {n} as {name}" for n, name in enumerate(MORE, 1))},
    {", ".join(f"'p' || i || '@{n}.example.com' as mail_{n}" for n in range(1, 6))}
from range(1, 401) as people(i), range(0, {DAYS}) as days(d)
""",
    "vendor/commerce/models/dim_customers.sql": "select * from {{ ref('people') }}\n",
    "vendor/commerce/models/fct_events.sql": """\
select
    md5(e::varchar) as "Event Id", cast(md5((1 + e % 400)::varchar) as uuid) as "customer-id",
    cast(current_date - cast(e % 60 as integer) as timestamp) at time zone 'UTC' as "When",
    case e % 2 when 0 then 'order' else 'visit' end as "Type", cast(e % 90 as decimal(12, 2)) as "Amount"
from range(0, 8000) as events(e)
""",
}
ENTITY_LINES = """\
events:
  visits:
    relation: ref('fct_events')
    key: customer-id
    at: When
    fields: {Type: text, Amount: number}
"""
SEGMENT = """\
segment: odd
label: Odd ones
entity: customers
owner: storefront-team
rules:
  - {field: Order, operator: ">", value: 2000}
  - {field: Group By, operator: in, value: [north, south]}
  - {event: visits, operator: performed, in_last: 30, where: [{field: Type, operator: "=", value: order}]}
alerts: [hook]
"""
ROUTES = "routes:\n  default:\n    channels:\n      - {channel: console}\n  hook:\n    channels:\n      - {channel: n8n, url_env: STORE_HOOK}\n"


def query(project: Foreign, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(project.root / "shop.duckdb")) as c:
        c.execute(f"attach '{project.root / 'lake.duckdb'}' as lake")
        return c.execute(sql).fetchall()


def contents(project: Foreign) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table of the owner, in an order of their own."""
    names = [
        name
        for (name,) in query(project, "select table_name from information_schema.tables where table_catalog = 'shop'")
        if "pulse_" not in str(name) and "seg_" not in str(name)
    ]
    return {str(name): query(project, f'select * from shop.main."{name}" order by all') for name in names}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """Give the project with Pulse in it, as the commands of the README put it there."""
    project = Foreign(tmp_path_factory.mktemp("foreign") / "storefront", FILES)
    project.env |= {"PULSE_LLM": "off"}
    project.run("dbt deps --quiet")
    project.before, project.rows = project.own_results(), contents(project)  # type: ignore[attr-defined]
    project.listed = project.run("pulse init")  # type: ignore[attr-defined]
    asked = "pulse init --relation \"ref('dim_customers')\" --key customer-id --history 'Snapshot Date'"
    wanted = "--attributes 'Group By' --conversion select --activity 'Last Seen:15' --reach 'email=may mail' --owner storefront-team"
    project.said = project.run(f"{asked} {wanted}")  # type: ignore[attr-defined]
    return project


def test_the_relation_of_the_other_package_is_listed_and_has_60_columns(store: Foreign) -> None:
    line = next(x for x in store.listed.stdout.splitlines() if x.startswith("ref('dim_customers')"))
    assert line.split()[2] == "60"


def test_the_readmes_commands_work_and_every_name_is_quoted(store: Foreign) -> None:
    lines = store.said.stdout.split("Next:\n")[1].splitlines()
    assert [line.split()[:2] for line in lines] == [["pulse", "segments"], ["pulse", "run"]]
    store.run(lines[0])
    entity = store.root / "segments/entities/customers.yml"
    entity.write_text(entity.read_text(encoding="utf-8") + ENTITY_LINES, encoding="utf-8")
    (store.root / "segments/odd.yml").write_text(SEGMENT, encoding="utf-8")
    (store.root / "segments/routes.yml").write_text(ROUTES, encoding="utf-8")
    store.run("pulse compile")
    done = store.run(f"{lines[1].strip()} --yes")
    assert "backfill  39 days of customers" in done.stdout
    table = "lake.main.acme_pulse_segment_snapshots"
    days = f"select status, size, eligible is not null, conversion_rate > 0 from {table} where segment_id = 'odd' and snapshot_date"
    assert query(store, f"{days} = current_date - 1") == [("ok", 100, True, True)]
    assert query(store, f"select count(*) from {table} where segment_id = 'odd'") == [(DAYS,)]


def test_only_the_used_of_60_columns_are_read(store: Foreign) -> None:
    compiled = [*(store.root / "target/run/storefront/models/pulse").glob("*.sql")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in compiled}
    assert {
        "pulse_customers__facts.sql",
        "pulse_customers__health.sql",
        "pulse_customers__current.sql",
        "seg_odd.sql",
    } < set(texts)
    assert '"customer-id" as customer_id' in texts["pulse_customers__health.sql"]
    for name, text in texts.items():
        assert re.findall(r"\bextra_\d+|\bmail_\d|\"Event Id\"|(?:given|one|\*)\.\*", text) == [], name


def test_the_tables_are_in_the_owners_database_under_the_owners_prefix(store: Foreign) -> None:
    where = "from information_schema.tables where table_name"
    assert query(store, f"select distinct table_catalog {where} like '%pulse_segment%'") == [("lake",)]
    assert query(store, f"select count(*) {where} like 'pulse%' or table_name like 'seg%'") == [(0,)]
    listed = store.run("pulse snapshots list --format csv").stdout.splitlines()
    assert len(listed) == 3
    assert "FAIL  tables" not in store.run("pulse doctor", ok=False).stdout


def test_the_owners_own_nodes_and_rows_are_as_before(store: Foreign) -> None:
    assert len(store.before) == 4
    assert set(store.before.values()) == {"success"}
    assert store.own_results() == store.before
    assert contents(store) == store.rows
    assert len(store.rows["acme_dim_customers"]) == 400 * DAYS
    assert store.run("git diff --stat -- vendor models macros").stdout == ""


@pytest.fixture
def hook(store: Foreign) -> Iterator[Web]:
    with web_server() as web:
        store.env["STORE_HOOK"] = f"{web.base}/hook"
        yield web


def test_a_planted_fault_on_the_last_day_arrives_with_who_how_much_since_when_and_why(
    store: Foreign, hook: Web
) -> None:
    path = store.root / "vendor/commerce/models/people.sql"
    path.write_text(
        FILES["vendor/commerce/models/people.sql"].replace("false then null", "d = 0 and i % 10 < 4 then null")
    )
    store.run("pulse run")
    path.write_text(FILES["vendor/commerce/models/people.sql"])
    assert [got.path for got in hook.got] == ["/hook"]  # one cause, one message
    event = json.loads(hook.got[0].body)
    assert (event["type"], event["severity"]) == ("pulse.incident.opened", "critical")
    source, (segment,) = event["incident"], event["related"]
    assert source["reason"] == "Null share of customers.order_ rose by 40.0 points to 40.0 %; 0.0 % expected."
    assert (segment["segment_id"], segment["owner"]) == ("odd", "storefront-team")
    day = date.fromisoformat(event["snapshot_date"])
    assert segment["headline"] == f"Odd ones fell 40 %: 60 members on {day_month(day)}, 100 expected"
    assert segment["started_on"] == event["snapshot_date"]
    told = segment["explanation"]
    assert (
        "40 of 40 leavers left by `order_ > 2000`; column order_ has 40 % nulls since that day (0 % before)"
        in told["headline"]
    )
    assert 'count("Order") as with_value' in " ".join(told["recommendations"])


def test_uninstall_leaves_no_difference(store: Foreign) -> None:
    done = store.run("pulse uninstall --yes")
    assert store.difference() == ""
    for statement in done.stdout.split("\n-- The tables stay")[1].splitlines()[1:]:
        query(store, statement)
    left = "select count(*) from information_schema.tables where table_name like '%pulse%' or table_name like '%seg\\_%' escape '\\'"
    assert query(store, left) == [(0,)]
    store.run("dbt deps --quiet")
    assert store.own_results() == store.before
