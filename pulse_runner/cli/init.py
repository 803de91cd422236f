"""`pulse init`: a new project, and its first entity from a look at a table."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pulse_runner.cli.context import PulseContext, pass_pulse
from pulse_runner.errors import UsageError

TYPES = (
    ("boolean", r"bool"),
    ("timestamp", r"timestamp|datetime"),
    ("date", r"^date$"),
    ("text", r"char|text|string|uuid|enum"),
    ("number", r"int|num|dec|float|double|real"),
)


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--relation", help="ref('model') or source('schema', 'table'): write an entity for it, with its columns and types."
)
@click.option("--key", help="The column that identifies a row of it.")
@click.option("--as-of", help="Its date column, when it has one row per key and date.")
@click.option("--entity", "name", help="The entity's name; the table's when left out.")
@click.option("--dry-run", is_flag=True, help="List the files that would be written; write nothing.")
@pass_pulse
def init_command(
    pulse: PulseContext,
    folder: Path,
    relation: str | None,
    key: str | None,
    as_of: str | None,
    name: str | None,
    dry_run: bool,
) -> None:
    """Make a new Pulse project in a folder, or add an entity to one. Files that exist are never overwritten.

    \b
    Example:
      pulse init audiences
      pulse init . --relation "source('shop', 'customers')" --key customer_id
    """
    from pulse_runner.package import project_files
    from pulse_runner.segments.publish import schema_texts

    root = folder.resolve()
    if relation and not key:
        raise UsageError("--relation needs --key: the column that identifies a row.")
    files = project_files(re.sub(r"\W", "_", root.name.lower())) | schema_texts(pulse.schema)
    fresh = {} if (root / "dbt_project.yml").is_file() else files
    written = _write(root, fresh, dry_run)
    if fresh and not dry_run:
        from pulse_runner.warehouse.dbt import install_packages

        install_packages(root)
    if relation and key and not dry_run:
        here = replace(pulse, start=root)
        found = _entity_files(here, relation, key, as_of, name)
        written += _write(root, found, dry_run)
        _list_entity(pulse, root, Path(next(iter(found))).stem)
    if not written:
        pulse.log(f"Nothing to write: {root.name} is a Pulse project already.")
        return
    pulse.log("Next: `pulse init . --relation ... --key ...`, `pulse segments create`, `pulse compile`, `pulse run`.")


def _list_entity(pulse: PulseContext, root: Path, entity: str) -> None:
    """Add the entity to the var pulse_entities; where the file says it in another way, say what to write."""
    from pulse_runner.package import with_entity

    path = root / "dbt_project.yml"
    before = path.read_text(encoding="utf-8")
    after = with_entity(before, entity)
    if after is None:
        pulse.log(f"dbt_project.yml: add {entity} to the var pulse_entities.")
    elif after != before:
        path.write_text(after, encoding="utf-8")
        click.echo(f"listed  {entity} in pulse_entities of dbt_project.yml")


def _write(root: Path, files: dict[str, str], dry_run: bool) -> list[str]:
    written = []
    for path, text in sorted(files.items()):
        target = root / path
        if target.exists():
            click.echo(f"kept    {path}")
            continue
        if not dry_run:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        click.echo(f"{'would write' if dry_run else 'wrote'}   {path}")
        written.append(path)
    return written


def _entity_files(pulse: PulseContext, relation: str, key: str, as_of: str | None, name: str | None) -> dict[str, str]:
    from pulse_runner.segments.semantics import CALL

    match = CALL.fullmatch(relation)
    if match is None:
        raise UsageError(f"--relation {relation}: write ref('model') or source('schema', 'table').")
    function, first, second = match.groups()
    table = second or first
    with pulse.warehouse() as warehouse:
        schema = first if function == "source" else warehouse.table(table).replace('"', "").split(".")[-2]
        rows = warehouse.query(
            "select column_name, data_type from information_schema.columns where lower(table_schema) = lower(?)"
            " and lower(table_name) = lower(?) order by ordinal_position",
            [schema, table],
        )
    columns = {r["column_name"]: _type(r["data_type"]) for r in rows}
    if not columns:
        raise UsageError(f"The warehouse has no table {table!r} in schema {schema!r}.")
    for wanted in filter(None, (key, as_of)):
        if wanted not in columns:
            raise UsageError(f"{table} has no column {wanted!r}; it has {', '.join(columns)}.")
    entity = name or re.sub(r"^(dim|fct|stg)_", "", table.lower())
    files = {f"segments/entities/{entity}.yml": _entity_yaml(entity, relation, key, as_of, columns)}
    if function == "source":
        files["models/sources.yml"] = (
            f"version: 2\n\nsources:\n  - name: {first}\n    schema: {first}\n    tables:\n      - name: {table}\n"
        )
    return files


def _entity_yaml(entity: str, relation: str, key: str, as_of: str | None, columns: dict[str, str | None]) -> str:
    fields = {
        c: t for c, t in columns.items() if t and c not in (key, as_of) and re.fullmatch(r"[a-z][a-z0-9_]{0,49}", c)
    }
    texts = [c for c, t in fields.items() if t == "text" and not re.search(r"mail|name|phone|address|token|id$", c)]
    lines = [
        "# yaml-language-server: $schema=../schema/entity.json",
        f"entity: {entity}",
        f"relation: {relation}",
        f"key: {key}",
        *(
            [f"history: {{as_of: {as_of}}}"]
            if as_of
            else ["# history: {as_of: snapshot_date}   # one row per key and date; left out: today only"]
        ),
        "fields: # what rules and attributes may use; take out what they should not",
        *(f"  {c}: {t}" for c, t in fields.items()),
        f"attributes: [{', '.join(texts[:8])}] # distributions that are watched",
        "# conversion: {event_at: last_order_at}",
        "# activity: {last_seen_at: last_active_at, inactive_after_days: 30}",
        '# reach: {email: "email_opt_in"}',
    ]
    return "\n".join(lines) + "\n"


def _type(raw: Any) -> str | None:
    return next((name for name, pattern in TYPES if re.search(pattern, str(raw).lower())), None)
