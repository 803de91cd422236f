"""`pulse init`: Pulse in a new project or in one that is there, and an entity from a look at a table."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pulse_runner.cli.context import PulseContext, pass_pulse
from pulse_runner.errors import UsageError

if TYPE_CHECKING:
    from pulse_runner.adopt.decide import Ask
    from pulse_runner.adopt.propose import Answers, Proposal

CANDIDATES = ["relation", "kind", "columns", "likely_key"]


def _split(_: click.Context, __: click.Parameter, given: str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(part.strip() for part in given.split(",") if part.strip())


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--relation", help="ref('model') or source('schema', 'table'): write an entity for it.")
@click.option("--key", help="The column that identifies a row of it.")
@click.option("--history", help="How it keeps its past: none, its date column, or valid_from,valid_to.")
@click.option("--attributes", callback=_split, help="Columns to count members by, with commas between them.")
@click.option("--conversion", help="The column with the time of a conversion.")
@click.option(
    "--activity", help="The column with the time of the last visit; COLUMN:DAYS sets when one counts as inactive."
)
@click.option("--reach", callback=_split, help="Channels with their columns: email=email_opt_in,push=has_push.")
@click.option("--owner", help="Who is told about the first segment.")
@click.option("--entity", help="The entity's name; the table's when left out.")
@click.option("--yes", is_flag=True, help="Take the likeliest answer to every question that is left.")
@click.option("--dry-run", is_flag=True, help="List the files that would be written; write nothing.")
@pass_pulse
def init_command(
    pulse: PulseContext, /, folder: Path, relation: str | None, yes: bool, dry_run: bool, **given: object
) -> None:
    """Put Pulse into a dbt project, or make a new project in a folder; with --relation, write an entity and a first segment.

    Files that exist are never overwritten. `pulse uninstall` takes everything out again.

    \b
    Example:
      pulse init
      pulse init --relation "ref('dim_customers')" --key customer_id
      pulse init audiences
    """
    from pulse_runner.adopt.propose import Answers

    root = (pulse.start / folder).resolve()
    here = replace(pulse, start=root)
    answers = Answers(**given)  # type: ignore[arg-type]  # click gives the options by the names of the fields
    if not (root / "dbt_project.yml").is_file():
        _new_project(here, dry_run)
        if relation is None or dry_run:
            return
    else:
        _check(here)
        _install(here, dry_run)
    ask = _asker(yes)
    manifest = _parse(here)
    if relation is None and sys.stdin.isatty() and not yes and not dry_run:
        relation = _choose(here, manifest)
    if relation is None:
        _list_candidates(here, manifest)
        return
    found, sources = _look(here, relation, answers, ask)
    _add(here, found, sources, dry_run)


def _new_project(pulse: PulseContext, dry_run: bool) -> None:
    from pulse_runner.package import install_copy, project_files
    from pulse_runner.plugins import SCHEMA
    from pulse_runner.segments.publish import schema_texts

    root = pulse.start
    _write(root, project_files(re.sub(r"\W", "_", root.name.lower())) | schema_texts(SCHEMA), dry_run)
    if not dry_run:
        install_copy(root)
        pulse.log("Next: cd there, then `pulse init --relation \"source('shop', 'customers')\" --key customer_id`.")


def _check(pulse: PulseContext) -> None:
    """Raise PulseError, before anything is written, where the next step could not be made: no profile, no package, no connection."""
    from pulse_runner.adopt.project import require_installed
    from pulse_runner.warehouse.connection import connect
    from pulse_runner.warehouse.project import is_embedded, profile_name

    root = pulse.root
    name, embedded = profile_name(root), is_embedded(root)
    if name != "pulse" and embedded:
        raise UsageError(
            f"No profiles.yml with the profile {name!r} was found: not in DBT_PROFILES_DIR, {root.name}/ or ~/.dbt.",
            "Put it where dbt finds it, then run `pulse init` again.",
        )
    require_installed(root)
    connect(root, pulse.target).close()


def _parse(pulse: PulseContext) -> dict[str, object]:
    """Return dbt's manifest of the project as it is now: how dbt calls things, and where it puts them."""
    from pulse_runner.warehouse.dbt import run_dbt
    from pulse_runner.warehouse.manifest import read_manifest

    run_dbt(pulse.root, ["parse"], target=pulse.target)
    return dict(read_manifest(pulse.root) or {})


def _install(pulse: PulseContext, dry_run: bool) -> None:
    """Write the package and the lines that name it, where they are not there yet."""
    from pulse_runner.adopt.project import config_edits, new_files, uses_git, write
    from pulse_runner.package import COPY, install_copy

    root = pulse.root
    files = new_files(root, pulse.schema)
    if uses_git(root) or (root / COPY / "dbt_project.yml").is_file():
        files = {path: text for path, text in files.items() if not path.startswith(f"{COPY}/")}
    _write(root, files, dry_run, quiet=True)
    for path, text in config_edits(root).items():
        click.echo(f"{'would edit' if dry_run else 'edited '}  {path}")
        if not dry_run:
            write(root / path, text)
    if not dry_run and not uses_git(root):
        install_copy(root)


def _look(pulse: PulseContext, relation: str, answers: Answers, ask: Ask) -> tuple[Proposal, dict[str, str]]:
    """Return the entity that a table makes, and the declaration of its source where the project has none."""
    from pulse_runner.adopt.decide import decide_history, decide_key
    from pulse_runner.adopt.definitions import sources_text
    from pulse_runner.adopt.facts import look, place_of, read_columns, undeclared
    from pulse_runner.adopt.project import sources_path
    from pulse_runner.adopt.propose import propose
    from pulse_runner.segments.relations import CALL
    from pulse_runner.warehouse.manifest import read_manifest

    match = CALL.fullmatch(relation)
    if match is None:
        raise UsageError(
            f"--relation {relation} names no relation.", "Write ref('model') or source('schema', 'table')."
        )
    call = (match[1], *(a for a in match.groups()[1:] if a))
    place, sources = place_of(read_manifest(pulse.root), *call), {}
    with pulse.warehouse() as warehouse:
        if place is None and call[0] == "source" and len(call) == 3:
            place = undeclared(call[1], call[2], warehouse.dialect)
            sources[sources_path(pulse.root)] = sources_text(call[1], call[2])
        if place is None:
            raise UsageError(f"dbt knows no {relation}.", "`pulse init` without --relation lists what there is.")
        columns = read_columns(warehouse, [place]).get(place.call)
        if not columns:
            raise UsageError(
                f"{place.relation} is not in the warehouse.", "Build it with dbt first, or look at its name."
            )
        table = look(warehouse, place, columns)
        key = decide_key(table, answers, ask)
        history, notes = decide_history(warehouse, table, key, answers, ask)
    return propose(table, key, history, answers, notes), sources


def _add(pulse: PulseContext, found: Proposal, sources: dict[str, str], dry_run: bool) -> None:
    """Write the entity, its first segment and their models, and say what comes next."""
    from pulse_runner.adopt.definitions import definition_files
    from pulse_runner.adopt.project import config_edits, write
    from pulse_runner.compile.write import write_models
    from pulse_runner.warehouse.project import read_project

    root = pulse.root
    _write(root, definition_files(found) | sources, dry_run)
    for note in found.notes:
        pulse.log(note)
    if dry_run:
        return
    for path, text in config_edits(root, [found.entity]).items():
        write(root / path, text)
        click.echo(f"listed  {found.entity} in pulse_entities of {path}")
    read_project.cache_clear()
    for path in write_models(pulse.project(), root).written:
        click.echo(f"wrote   {path}")
    _parse(pulse)
    click.echo(f"Next:\n  pulse segments preview {found.segment}\n  pulse run")


def _choose(pulse: PulseContext, manifest: dict[str, object]) -> str:
    rows = _candidates(pulse, manifest)
    for n, row in enumerate(rows, 1):
        click.echo(f"{n:>3}  {row['relation']}  ({row['kind']}, {row['columns']} columns)")
    number = click.prompt("Which relation holds the people to watch?", type=click.IntRange(1, max(len(rows), 1)))
    return rows[number - 1]["relation"]


def _list_candidates(pulse: PulseContext, manifest: dict[str, object]) -> None:
    rows = _candidates(pulse, manifest)
    if not rows:
        pulse.log("dbt has built no table yet that an entity could be. Build your models, then run `pulse init` again.")
        return
    pulse.echo_rows(rows, CANDIDATES)
    first = next((r for r in rows if r["likely_key"]), rows[0])
    pulse.log(
        f'Next, with the relation to watch:\n  pulse init --relation "{first["relation"]}" --key {first["likely_key"] or "COLUMN"}'
    )


def _candidates(pulse: PulseContext, manifest: dict[str, object]) -> list[dict[str, str]]:
    from pulse_runner.adopt.facts import places, read_columns
    from pulse_runner.adopt.propose import named_key

    every = places(manifest)
    with pulse.warehouse() as warehouse:
        found = read_columns(warehouse, every)
    rows = [
        {
            "relation": p.call, "kind": p.kind, "columns": str(len(found[p.call])),
            "likely_key": named_key(p.name, [c.name for c in found[p.call]]) or "",
        }
        for p in every if p.call in found
    ]  # fmt: skip
    return sorted(rows, key=lambda r: not r["likely_key"])


def _asker(yes: bool) -> Ask:
    """Return how open questions are answered: by the person, with --yes by the likeliest answer, else not at all."""

    def ask(question: str, options: Sequence[str], flag: str) -> str:
        if yes and options:
            return options[0]
        if not yes and sys.stdin.isatty():
            shown = ", ".join(options[:8])
            return str(click.prompt(f"{question} ({shown})", default=options[0] if options else None))
        likely = f" Likely: {', '.join(options[:5])}." if options else ""
        raise UsageError(f"{question}{likely}", f"Say {flag}, or --yes for the first of them.")

    return ask


def _write(root: Path, files: dict[str, str], dry_run: bool, quiet: bool = False) -> None:
    """Write files that are not there; of the package's, which are many, only the number is told."""
    from pulse_runner.adopt.project import write
    from pulse_runner.package import COPY

    word = "would write" if dry_run else "wrote"
    copied = 0
    for path, text in sorted(files.items()):
        target = root / path
        if target.exists():
            if not quiet:
                click.echo(f"kept    {path}")
            continue
        if not dry_run:
            write(target, text)
        if path.startswith(f"{COPY}/"):
            copied += 1
        else:
            click.echo(f"{word}   {path}")
    if copied:
        click.echo(f"{word}   {COPY}/ ({copied} files: the dbt package)")
