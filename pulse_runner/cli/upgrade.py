"""`pulse upgrade`: the project's copy of the dbt package and its tables, brought to the runner's version."""

from __future__ import annotations

import click

from pulse_runner import __version__
from pulse_runner.cli.context import PulseContext, pass_pulse


@click.command("upgrade")
@click.option("--force", is_flag=True, help="Overwrite what somebody edited in the copy too.")
@click.option(
    "--from-schema", metavar="SCHEMA", help="Where the tables of version 0.1.0 are, when in no schema of this project."
)
@click.option("--dry-run", is_flag=True, help="Say what would change, with every statement; change nothing.")
@pass_pulse
def upgrade_command(pulse: PulseContext, force: bool, from_schema: str | None, dry_run: bool) -> None:
    """Bring the copy of the dbt package and the tables to the runner's version, and say what changed.

    A copy that somebody edited is not overwritten. The compiled models are written again, as the new version writes them.
    Tables of an earlier version get their new names, columns and marks, with every row, in one transaction. A table that
    Pulse did not make is left alone. An upgrade that was stopped can be run again.

    \b
    Example:
      pulse upgrade --dry-run
      pulse upgrade --from-schema pulse
    """
    files = _upgrade_files(pulse, force, dry_run)
    tables = _upgrade_tables(pulse, from_schema, dry_run)
    if not files and not tables:
        pulse.log(f"Nothing to do: the package and the tables are of version {__version__} already.")
    elif not dry_run:
        pulse.log("Done. Commit what `git status` shows; then `pulse run`.")


def _upgrade_files(pulse: PulseContext, force: bool, dry_run: bool) -> bool:
    """Write the copy of the package and the compiled models; say whether anything changes."""
    from pulse_runner.adopt.copy import plan_upgrade, write_upgrade
    from pulse_runner.adopt.project import uses_git
    from pulse_runner.compile.write import pending, write_models
    from pulse_runner.package import COPY, install_copy

    word, changed = "would be " if dry_run else "", list[str]()
    if uses_git(pulse.root):
        pulse.log("packages.yml names the package itself: change its revision there, and run `dbt deps`.")
    else:
        plan = plan_upgrade(pulse.root, force)
        changed += plan.paths
        for name, paths in (("added", plan.added), ("changed", plan.changed), ("removed", plan.removed)):
            for path in paths:
                click.echo(f"{word}{name:<8} {COPY}/{path}")
        if not dry_run:
            write_upgrade(pulse.root, plan)
            install_copy(pulse.root)
        if plan.paths and plan.notes:
            click.echo(f"\n{plan.notes}\n")
        if plan.paths:
            pulse.log(f"{COPY}/: from {plan.before or 'a version that it does not name'} to {__version__}.")
    if (pulse.root / "segments").is_dir():
        project = pulse.project()
        changes = pending(project, pulse.root)[0] if dry_run else write_models(project, pulse.root)
        changed += changes.paths
        for compiled in changes.paths:
            click.echo(f"{word}compiled {compiled}")
    return bool(changed)


def _upgrade_tables(pulse: PulseContext, from_schema: str | None, dry_run: bool) -> bool:
    """Bring the tables to this version; say whether anything changes."""
    from pulse_runner.adopt.tables import plan_tables, upgrade_tables
    from pulse_runner.warehouse.dbt import run_dbt
    from pulse_runner.warehouse.manifest import read_manifest
    from pulse_runner.warehouse.project import package_folder

    if not (pulse.root / "segments").is_dir():
        return False
    if not (package_folder(pulse.root) / "dbt_project.yml").is_file():
        pulse.log("The tables were not looked at: the package is not installed. Run `dbt deps`, and upgrade again.")
        return False
    run_dbt(
        pulse.root, ["parse"], target=pulse.target
    )  # the files may be new: where dbt puts their tables is in its manifest
    manifest = read_manifest(pulse.root) or {}
    with pulse.warehouse() as warehouse, warehouse.exclusive("upgrade"), warehouse.transaction():
        plan = plan_tables(warehouse, manifest, pulse.project(), pulse.root, from_schema)
        if not dry_run:
            upgrade_tables(warehouse, plan)
    word = "would be " if dry_run else ""
    for path in plan.files:
        click.echo(f"{word}{'added':<8} events of the old table to {path.relative_to(pulse.root)}")
    for step in plan.steps:
        click.echo(f"{word}{step.said}")
        if dry_run:
            click.echo("".join(f"  {statement};\n" for statement in step.statements), nl=False)
    for note in plan.notes:
        click.echo(note)
    return bool(plan.steps or plan.notes)
