"""An upgrade takes over what version 0.1.0 made, and nothing else; it says what it would do, and what it leaves alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import landed_shop
import pytest
from landed_world import NEW_NAME, SCHEMA, TABLES, VIEWS, World

from pulse_runner.adopt import copy
from pulse_runner.adopt.landed import ENTITY_TABLES, VERSION, columns_of
from pulse_runner.adopt.landed import TABLES as CONTRACTS
from pulse_runner.adopt.landed import VIEWS as VIEW_CONTRACTS
from pulse_runner.package import STATE, package_files
from pulse_runner.warehouse.ownership import SCHEMA_VERSION
from pulse_runner.warehouse.relations import _TYPES

ROOT = Path(__file__).parents[3]
KILLED = """
import os, sys
from pulse_runner.warehouse.connection import OpenWarehouse
real, left = OpenWarehouse._execute, [int(sys.argv[2])]
def execute(self, sql, params):
    if sql.startswith(("alter", "comment", "drop", "create")):
        if not left[0]:
            os._exit(9)
        left[0] -= 1
    return real(self, sql, params)
OpenWarehouse._execute = execute
from pulse_runner.cli import cli
cli(["--project-dir", sys.argv[1], "upgrade"])
"""


def killed_after(world: World, statements: int) -> int:
    """Run `pulse upgrade` in a process that dies before the next statement after so many; return its exit code."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    args = [sys.executable, "-c", KILLED, str(world.root), str(statements)]
    return subprocess.run(args, env=env, capture_output=True).returncode


def test_the_contracts_are_those_of_the_version_that_the_fixture_was_made_with() -> None:
    contracts = CONTRACTS | {name: contract for name, (_, contract) in VIEW_CONTRACTS.items()}
    contracts |= {
        f"{e}_{kind}": contract for e in ("customers", "accounts") for kind, contract in ENTITY_TABLES.items()
    }
    for warehouse in ("duckdb", "postgres"):
        for name, about in SCHEMA.items():
            if not name.startswith("seg_") and not name.endswith("_history"):
                types = {column: types[warehouse].lower() for column, types in about["columns"].items()}
                assert columns_of(contracts.pop(name) if warehouse == "postgres" else contracts[name]) == {
                    column: _TYPES.get(type_, type_) for column, type_ in types.items()
                }, name
    assert contracts == {}


def test_an_upgrade_that_is_killed_halfway_loses_nothing_and_the_next_one_ends_it(world: World) -> None:
    world.load()
    before = world.everything(world.old, {name: name for name in TABLES})
    relations = world.relations()
    for statements in (1, 30):
        assert killed_after(world, statements) == 9
        assert world.relations() == relations
    assert world.everything(world.old, {name: name for name in TABLES}) == before
    assert killed_after(world, 1000) == 0
    assert world.everything(world.old, NEW_NAME) == before


def test_a_dry_run_prints_every_statement_and_changes_nothing(world: World) -> None:
    world.load()
    relations = world.relations()
    done = world.pulse("upgrade", "--dry-run")
    assert "would be upgraded" in done.stdout
    assert 'incidents" rename to "pulse_incidents";' in done.stdout
    assert 'add column "revenue" double precision;' in done.stdout
    assert "drop view" in done.stdout
    assert world.relations() == relations
    assert "Fair" not in (world.root / "seeds/pulse_known_events.csv").read_text(encoding="utf-8")
    # the statements are what an upgrade does
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("would be", "stays"))]
    statements = "\n".join(lines).strip().removesuffix(";").split(";\n")
    before = world.everything(world.old, {name: name for name in TABLES})
    world.sql(*statements)
    assert world.everything(world.old, NEW_NAME) == before
    assert "Nothing to do" in world.pulse("upgrade").stderr


def test_a_build_says_that_old_tables_are_there_and_the_doctor_names_the_command(world: World) -> None:
    world.load()
    relations = world.relations()
    world.at(landed_shop.NEXT)
    done = world.pulse("run", "--date", str(landed_shop.NEXT), code=1)
    error = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert error == [
        f"Error: Tables of Pulse 0.1.0 stand in schema {world.old}. Nothing was written: new ones would begin empty."
        " Run `pulse upgrade`, which keeps their rows."
    ]
    # what has no older table is made: views, and pulse_runs is known
    assert {name for _, name in world.relations()} - {name for _, name in relations} <= {
        "pulse_customers__segments", "pulse_customers__current", "pulse_accounts__segments", "pulse_accounts__current",
        "pulse_segment_definitions",
    }  # fmt: skip
    said = json.loads(world.pulse("doctor", "--format", "json", code=1).stdout)
    tables = next(check for check in said if check["name"] == "tables")
    assert (tables["status"], tables["fix"]) == ("fail", "Run `pulse upgrade`, which keeps their rows.")
    assert "18 of version 0.1.0 stand there" in tables["detail"]
    world.pulse("upgrade")
    said = json.loads(world.pulse("doctor", "--format", "json", code=0).stdout)
    tables = next(check for check in said if check["name"] == "tables")
    new = "pulse_column_profiles, pulse_reach_ladder, pulse_silences, pulse_investigations, pulse_upstream_history"
    assert (tables["status"], tables["detail"]) == ("warn", f"not built yet: {new}, new since 0.1.0")
    world.pulse("run", "--date", str(landed_shop.NEXT))
    said = json.loads(world.pulse("doctor", "--format", "json", code=0).stdout)
    assert next(c["detail"] for c in said if c["name"] == "tables") == f"all 18 are there, of schema {SCHEMA_VERSION}"


def test_relations_of_other_people_stay_and_are_named(world: World) -> None:
    world.load()
    at = f'"{world.old}"'
    world.sql(
        f"create view {at}.board_of_health as select * from {at}.segment_health",
        f"alter table {at}.incident_events rename to kept_aside",
        f"create table {at}.incident_events as select 1 as id, 'door' as title, 'open' as status",
        f"create table {at}.lost_facts as select * from {at}.customers_facts",
        f"drop view {at}.seg_gold",
        f"create view {at}.seg_gold as select account_id from shop.accounts where tier = 'gold'",
        f"create view {at}.board as select size from {at}.segment_snapshots",
    )
    # a model of theirs that is built with Pulse's
    tagged = "{{ config(materialized='table', tags=['pulse']) }}\nselect 1 as incident_id"
    (world.root / "models/pulse_report.sql").write_text(tagged, encoding="utf-8")
    world.sql(f"create table {at}.pulse_report as select 1 as incident_id")
    before = world.relations()
    done = world.pulse("upgrade")
    assert "pulse_report" not in done.output
    stays = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if line.startswith("stays")]
    assert f"{world.old}.incident_events: 0.1.0 did not make it, its columns are others." in stays
    assert f"{world.old}.lost_facts: segments/ has no entity lost. Add it, `pulse compile`, and upgrade again." in stays
    assert f"{world.old}.seg_gold" not in done.stdout
    after = {name for _, name in world.relations()}
    assert {"incident_events", "kept_aside", "lost_facts", "seg_gold", "board", "board_of_health"} <= after
    assert world.query(f"select title from {at}.incident_events") == [{"title": "door"}]
    if "pulse.duckdb" in {p.name for p in world.root.iterdir()}:
        assert f"{world.old}.board: it reads segment_snapshots. Write the new names there." in stays
    else:  # Postgres follows a new name, and keeps a view that another one reads
        assert f"{world.old}.segment_health: {world.old}.board_of_health reads it. Drop it when nobody does." in stays
        assert world.query(f"select count(*) as n from {at}.board")[0]["n"] == 42
        assert world.query(f"select count(*) as n from {at}.board_of_health")[0]["n"] == 3
    assert {name for _, name in before} - after == (set(NEW_NAME) | set(VIEWS)) & ({n for _, n in before} - after)
    assert "Nothing to do" in world.pulse("upgrade").stderr


@pytest.mark.matrix
def test_empty_tables_of_this_version_make_room_and_two_histories_are_refused(world: World) -> None:
    world.pulse("upgrade")  # nothing is there yet
    for statement in [*landed_shop.tables(), *landed_shop.load(landed_shop.NEXT)]:
        world.sql(statement)
    world.at(landed_shop.NEXT)
    world.pulse("snapshot", "--date", str(landed_shop.NEXT))
    world.sql("drop schema shop cascade")
    at = f'"{world.old}"'
    world.sql(
        f"alter table {at}.pulse_runs rename to runs_of_today",
        *(f"drop view if exists {at}.seg_{s}" for s in ("gold", "rich", "german")),
    )
    world.load()
    tables = {old: world.rows(world.old, old, list(SCHEMA[old]["columns"])) for old in TABLES}
    refused = world.pulse("upgrade", code=1)
    assert "Both versions of Pulse have run here" in refused.stderr
    assert "segments has 4 rows, pulse_segments 3 rows" in refused.stderr
    assert "Nothing was changed." in refused.stderr
    assert {old: world.rows(world.old, old, list(SCHEMA[old]["columns"])) for old in TABLES} == tables
    there = {name for _, name in world.relations()}
    world.sql(*(f"delete from {at}.{new}" for new in NEW_NAME.values() if new != "pulse_runs" and new in there))
    world.pulse("upgrade")
    assert world.everything(world.old, NEW_NAME) == tables


@pytest.mark.matrix
def test_tables_come_from_a_schema_that_the_project_does_not_use_into_the_one_that_it_does(world: World) -> None:
    world.old, new = f"{world.old}_old", world.old
    world.load()
    before = world.everything(world.old, {name: name for name in TABLES})
    assert "Nothing to do" in world.pulse("upgrade").stderr  # nobody knows of the other schema
    world.pulse("upgrade", "--from-schema", world.old)
    assert world.everything(new, NEW_NAME) == before
    left = {name for schema, name in world.relations() if schema == world.old}
    assert left == {name for name in VIEWS if name.startswith("seg_")}
    assert "Nothing to do" in world.pulse("upgrade", "--from-schema", world.old).stderr


@pytest.mark.matrix
def test_tables_of_the_time_between_get_their_marks_and_columns(world: World) -> None:
    """Between the two versions, tables had their new names, no marks, and neither revenue nor amount."""
    world.load()
    at = f'"{world.old}"'
    views = (
        "segment_health",
        "open_incidents",
        "segment_facts",
        "column_facts",
        "segment_definitions",
        "seg_rich",
        "seg_german",
        "seg_gold",
    )
    world.sql(
        *(f"drop view {at}.{name}" for name in views),
        *(f"alter table {at}.{old} rename to {new}" for old, new in NEW_NAME.items() if old != new),
    )
    done = world.pulse("upgrade")
    assert (
        f"upgraded {world.old}.pulse_segment_snapshots: added revenue, revenue_per_member; marked as Pulse's"
        in done.stdout
    )
    for statement in landed_shop.load(landed_shop.NEXT):
        world.sql(statement)
    world.at(landed_shop.NEXT)
    world.pulse("snapshot", "--date", str(landed_shop.NEXT))
    assert world.query(f"select amount from {at}.pulse_customers__facts where amount is not null") == []


def test_the_package_and_the_runner_write_the_same_schema_version_and_the_changelog_has_it() -> None:
    macro = (ROOT / "macros/pulse_ownership.sql").read_text(encoding="utf-8")
    assert f"pulse_schema_version() %}}{{{{ return({SCHEMA_VERSION}) }}}}" in macro
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"| {SCHEMA_VERSION} |" in changelog
    assert f"| 1 | {VERSION} |" in changelog


def test_an_upgrade_of_the_copy_that_is_stopped_is_no_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = package_files()
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    newer = {path: text + "\n" for path, text in files.items() if not path.endswith(STATE)}
    state = {"version": "9", "files": {p.removeprefix("pulse_package/"): copy.text_hash(t) for p, t in newer.items()}}
    newer[f"pulse_package/{STATE}"] = json.dumps(state)
    monkeypatch.setattr(copy, "package_files", lambda: newer)
    real, left = os.replace, [len(files) - 3]

    def replace(source: Path, target: Path) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    plan = copy.plan_upgrade(tmp_path)
    assert len(plan.changed) == len(files)
    with pytest.raises(KeyboardInterrupt):
        copy.write_upgrade(tmp_path, plan)
    rest = copy.plan_upgrade(tmp_path)
    assert 0 < len(rest.changed) < 6
    copy.write_upgrade(tmp_path, rest)
    assert copy.plan_upgrade(tmp_path).paths == []
