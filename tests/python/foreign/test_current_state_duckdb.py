"""The first foreign project: plain customers as they are today, on DuckDB, with mail addresses and names among the columns."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from foreign_project import Foreign

from pulse_runner.adopt.copy import changes_since
from pulse_runner.package import STATE, text_hash

FILES = {
    "dbt_project.yml": """\
name: 'shop'
version: '1.0.0'
config-version: 2
profile: 'shop'

model-paths: ["transform"]     # not the usual folder
seed-paths:  ["data"]

vars:
    cutoff: "2020-01-01"    # first day of data

models:
  shop:
      staging: {+materialized: view}
      marts:
        +materialized:   table
""",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb, threads: 2}\n",
    ".gitignore": "target/\nlogs/\ndbt_packages/\n*.duckdb\n.user.yml\n",
    "transform/staging/stg_people.sql": """\
select
    i as "Customer ID", 'p' || i || '@example.com' as email, 'Name ' || i as full_name,
    case i % 3 when 0 then 'DE' when 1 then 'FR' else 'US' end as country,
    case i % 2 when 0 then 'plus' else 'basic' end as "order", 'a' || (i % 4) as "sub-plan", i as before_tax,
    cast(i * 7.5 as decimal(18, 2)) as "Lifetime Value", [i] as basket,
    current_date - cast(i % 60 as integer) as last_active_at,
    cast(current_date as timestamp) - to_days(cast(i % 90 as integer)) as last_order_at, i % 4 = 0 as email_opt_in
from range(1, 401) as r(i)
""",
    "transform/marts/dim_people.sql": "select * from {{ ref('stg_people') }}\n",
    "transform/marts/_marts.yml": """\
models:
  - name: dim_people
    columns:
      - {name: email, data_tests: [unique, not_null]}
""",
}
ENTITY = """\
# yaml-language-server: $schema=../schema/entity.json
entity: people
relation: ref('dim_people')
key: "Customer ID"
# history: {as_of: snapshot_date}   # for one row per key and date; left out: today only
fields: # what rules and attributes may use, each column as the table calls it; take out what they should not
  email: text
  full_name: text
  country: text
  order: text
  "sub-plan": text
  before_tax: number
  "Lifetime Value": number
  last_active_at: date
  last_order_at: timestamp
  email_opt_in: boolean
attributes: [country, order, "sub-plan"] # distributions that are watched
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """Give the project with Pulse in it, as the commands of the documentation put it there."""
    project = Foreign(tmp_path_factory.mktemp("foreign") / "shop", FILES)
    project.before = project.own_results()  # type: ignore[attr-defined]
    project.listed = project.run("pulse init")  # type: ignore[attr-defined]
    project.alone = project.own_results()  # type: ignore[attr-defined]
    project.said = project.run("pulse init --relation \"ref('dim_people')\" --key 'Customer ID' --yes")  # type: ignore[attr-defined]
    return project


def query(project: Foreign, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(project.root / "shop.duckdb")) as c:
        return c.execute(sql).fetchall()


def test_the_relations_of_the_project_are_listed_and_the_next_command_is_printed(shop: Foreign) -> None:
    assert "ref('dim_people')" in shop.listed.stdout
    assert "pulse_" not in "\n".join(x for x in shop.listed.stdout.splitlines() if x.startswith("ref("))
    assert "pulse init --relation" in shop.listed.stderr


def test_the_owners_own_nodes_and_results_are_as_before(shop: Foreign) -> None:
    assert sorted(shop.before.values()) == ["pass", "pass", "success", "success"]
    assert {"model.shop.stg_people", "model.shop.dim_people"} < set(shop.before)
    assert shop.alone == shop.before
    assert shop.own_results() == shop.before


def test_only_lines_are_added_to_files_of_the_owner(shop: Foreign) -> None:
    changed = shop.run("git diff --numstat").stdout.splitlines()
    assert [line.split()[1:] for line in changed] == [["0", "dbt_project.yml"]]


def test_the_entity_is_drawn_from_the_columns_and_people_are_not_counted_by(shop: Foreign) -> None:
    assert (shop.root / "segments/entities/people.yml").read_text(encoding="utf-8").startswith(ENTITY)
    assert "Left out, because rules cannot use their types: basket." in shop.said.stderr
    assert "dim_people knows today only" in shop.said.stderr


def test_the_two_commands_that_init_prints_work_and_the_segment_has_members(shop: Foreign) -> None:
    lines = shop.said.stdout.split("Next:\n")[1].splitlines()
    assert len(lines) == 2
    funnel, report = (shop.run(line).stdout for line in lines)
    assert "all people on" in funnel
    assert "segments  1 of 1 have a snapshot" in report
    rows = query(shop, "select segment_id, size, status from pulse_segment_snapshots")
    assert rows == [("people_high_lifetime_value", 200, "ok")]
    assert query(shop, 'select count(*), min("customer_id") from seg_people_high_lifetime_value') == [(200, 201)]
    counted = query(shop, "select attribute, sum(members) from pulse_segment_distributions group by 1 order by 1")
    assert counted == [("country", 200), ("order_", 200), ("sub_plan", 200)]


def test_odd_columns_can_be_used_in_rules_of_every_kind(shop: Foreign) -> None:
    rules = (
        'rules:\n  - {field: order, operator: "=", value: plus}\n  - {field: before_tax, operator: ">", value: 100}\n'
        "  - {sql: '\"Lifetime Value\" < 3000 and \"order\" is not null'}\n  - {field: sub-plan, operator: matches, value: '^a'}\n"
    )
    path = shop.root / "segments/odd.yml"
    path.write_text(f"segment: odd\nentity: people\nowner: me\n{rules}", encoding="utf-8")
    shop.run("pulse compile && pulse run")
    funnel = shop.run("pulse segments preview odd --format csv").stdout.strip().splitlines()
    assert funnel[-1].split(",")[3] == "149"
    assert query(shop, "select size from pulse_segment_snapshots where segment_id = 'odd'") == [(149,)]
    assert query(shop, "select count(*) from seg_odd") == [(149,)]
    path.unlink()
    shop.run("pulse compile")
    with duckdb.connect(str(shop.root / "shop.duckdb")) as c:
        c.execute("drop view seg_odd")  # dbt leaves the view of a model that is gone


def test_a_table_of_the_owner_is_not_touched_and_is_named(tmp_path: Path) -> None:
    project = Foreign(tmp_path / "shop", FILES)
    project.run("dbt build --quiet")
    made = "create table pulse_incidents as select 1 as id, 'disk' as title; create view seg_people_high_lifetime_value as select 7 as customer_id; create table pulse_known_events as select 2 as id, 'fair' as what"
    with duckdb.connect(str(project.root / "shop.duckdb")) as c:
        c.execute(made)
    project.run("pulse init --relation \"ref('dim_people')\" --key 'Customer ID' --yes")
    done = project.run("pulse run", ok=False)
    assert done.returncode == 1
    assert (
        '"main"."pulse_incidents" is there already, and Pulse did not make it. Nothing was written to it.'
        in done.stderr
    )
    assert '"main"."seg_people_high_lifetime_value" is there already' in done.stderr
    assert query(project, "select * from pulse_incidents") == [(1, "disk")]
    assert '"main"."pulse_known_events" is there already' in done.stderr
    assert query(project, "select * from seg_people_high_lifetime_value") == [(7,)]
    assert query(project, "select * from pulse_known_events") == [(2, "fair")]
    detect = project.run("pulse detect", ok=False)
    assert "did not make it" in detect.stderr or "refused" in detect.stderr
    assert query(project, "select * from pulse_incidents") == [(1, "disk")]


def test_a_planted_fault_on_the_last_day_is_told(shop: Foreign) -> None:
    path = shop.root / "transform/marts/dim_people.sql"
    path.write_text("select * exclude (\"Lifetime Value\") from {{ ref('stg_people') }}\n", encoding="utf-8")
    done = shop.run("pulse run")
    assert "column Lifetime Value is missing" in done.stdout + done.stderr
    path.write_text(FILES["transform/marts/dim_people.sql"], encoding="utf-8")


def test_the_doctor_says_when_runner_and_package_differ_and_upgrade_mends_it(shop: Foreign) -> None:
    package = shop.root / "pulse_package"
    text = (package / "dbt_project.yml").read_text(encoding="utf-8")
    (package / "dbt_project.yml").write_text(text.replace('version: "0.', 'version: "99.'), encoding="utf-8")
    done = shop.run("pulse doctor", ok=False)
    assert "FAIL  package: the package is 99." in done.stdout
    assert "`pulse upgrade`" in done.stdout
    refused = shop.run("pulse upgrade", ok=False)
    assert (
        "Somebody edited the copy of the package; nothing was written:\n  pulse_package/dbt_project.yml"
        in refused.stderr
    )
    shop.run("pulse upgrade --force")
    assert (package / "dbt_project.yml").read_text(encoding="utf-8") == text
    assert "ok    package: 0." in shop.run("pulse doctor", ok=False).stdout


def test_an_older_copy_that_nobody_edited_is_brought_up_to_date(shop: Foreign) -> None:
    package = shop.root / "pulse_package"
    state = json.loads((package / STATE).read_text(encoding="utf-8"))
    (package / "macros/pulse_gone.sql").write_text("{# of an older version #}\n", encoding="utf-8")
    (package / "macros/pulse_history.sql").write_text("{# older #}\n", encoding="utf-8")
    state["version"] = "0.0.9"
    state["files"] |= {
        "macros/pulse_gone.sql": text_hash("{# of an older version #}\n"),
        "macros/pulse_history.sql": text_hash("{# older #}\n"),
    }
    (package / STATE).write_text(json.dumps(state), encoding="utf-8")
    done = shop.run("pulse upgrade")
    assert "changed  pulse_package/macros/pulse_history.sql" in done.stdout
    assert "removed  pulse_package/macros/pulse_gone.sql" in done.stdout
    assert changes_since("0.0.9") in done.stdout
    assert "from 0.0.9 to" in done.stderr
    assert not (package / "macros/pulse_gone.sql").exists()
    again = shop.run("pulse upgrade")
    assert (again.stdout, "already" in again.stderr) == ("", True)


def test_uninstall_leaves_no_difference_and_prints_how_the_tables_go(shop: Foreign) -> None:
    done = shop.run("pulse uninstall --yes")
    assert shop.difference() == ""
    statements = done.stdout.split("\n-- The tables stay")[1].split(":\n", 1)[1]
    assert query(shop, "select count(*) > 0 from pulse_segment_snapshots") == [(True,)]
    with duckdb.connect(str(shop.root / "shop.duckdb")) as c:
        c.execute(statements)
        left = c.execute("select table_name from information_schema.tables order by 1").fetchall()
    assert left == [("dim_people",), ("stg_people",)]
    assert shop.own_results() == shop.before
