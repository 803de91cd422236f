"""Two schedulers that build the same date at once, on Postgres (a DuckDB file lets in one process at a time)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from pulse_runner.segments.model import Attribute, Entity, Field, FieldLeaf, History, Project, Relation, Segment

TABLES = (
    "pulse_segment_snapshots",
    "pulse_segment_reach",
    "pulse_segment_distributions",
    "pulse_segment_changes",
    "pulse_segment_flows",
    "pulse_entity_health",
    "pulse_column_profiles",
)
D1, D2 = "2024-02-28", "2024-02-29"
# the tables that are filled day by day; views and the entity itself are dbt's own and replaced whole
SELECTED = ("config.materialized:pulse_daily", "config.materialized:incremental")
BUILD = "import sys; from dbt.cli.main import cli; sys.argv[0] = 'dbt'; cli()"


def start(world, number: int) -> subprocess.Popen[str]:
    """Start `dbt build` of D2 in a process and with a target folder of its own."""
    args = [
        "build",
        "--select",
        *SELECTED,
        "--project-dir",
        world.root,
        "--profiles-dir",
        world.root,
        "--no-use-colors",
    ]
    own = ["--target-path", world.root / f"target{number}", "--log-path", world.root / f"logs{number}"]
    variables = ["--vars", f"{{pulse_from: '{D2}', pulse_to: '{D2}'}}"]
    command = [sys.executable, "-c", BUILD, *map(str, [*args, *own, *variables])]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=world.root)


# every insert of a day sleeps after the rows of that day were deleted, so that a build that does not wait its turn meets another there
SLEEP = """
create function nap() returns trigger language plpgsql as $$ begin perform pg_sleep(2); return null; end $$;
create trigger nap before insert on pulse_people__facts for each statement execute function nap();
create trigger nap before insert on pulse_segment_snapshots for each statement execute function nap();
"""


def prepare(server: Path, world) -> None:
    """Take the rows of D2 out of every table, and make inserts slow."""
    schema = re.search(r"schema: (\w+)", (world.root / "profiles.yml").read_text(encoding="utf-8"))
    assert schema
    connection = psycopg2.connect(
        host=str(server), user="postgres", dbname="postgres", options=f"-csearch_path={schema[1]}"
    )
    with connection, connection.cursor() as cursor:
        for table in ("pulse_people__facts", "pulse_people__health", *TABLES):
            cursor.execute(f"delete from {table} where snapshot_date = %s", [D2])
        cursor.execute(SLEEP)
    connection.close()


@pytest.mark.matrix
@pytest.mark.postgres
@pytest.mark.parametrize("new_world", ["postgres"], indirect=True)
def test_two_builds_of_one_date_leave_the_rows_of_one(new_world, postgres_server: Path) -> None:
    entity = Entity(
        "people", Relation("ref", ("people",)), "id", History("as_of", as_of="day"),
        {"ltv": Field("ltv", "number"), "country": Field("country", "text")},
        attributes=(Attribute("country", "country"),), reach={"mail": "country <> 'DE'"},
    )  # fmt: skip
    segments = {f"above{n}": Segment(f"above{n}", "people", FieldLeaf("ltv", ">", (n * 100,)), "me") for n in range(8)}
    world = new_world()
    world.compile(Project({"people": entity}, segments, {}))
    rows = [
        (key, key * 37 % 1000, ("DE", "FR", "GB")[key % 3], day)
        for n, day in enumerate((D1, D2))
        for key in range(n * 9, 60)
    ]
    world.table("people", {"id": "integer", "ltv": "integer", "country": "varchar(2)", "day": "date"}, rows)
    world.built(D1, D2, command="run")
    once = {table: world.content(table) for table in TABLES}
    prepare(postgres_server, world)

    both = [start(world, number) for number in (1, 2)]
    outputs = [process.communicate(timeout=240)[0] for process in both]
    codes = [process.returncode for process in both]

    assert 0 in codes, outputs
    for code, output in zip(codes, outputs, strict=True):
        assert code == 0 or "another" in output.lower(), output
    assert {table: world.content(table) for table in TABLES} == once
