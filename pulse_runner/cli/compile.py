"""`pulse compile`."""

from __future__ import annotations

import click

from pulse_runner.cli.context import PulseContext, pass_pulse
from pulse_runner.errors import PulseError


@click.command("compile")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when a compiled file is stale.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list what would be written and removed.")
@pass_pulse
def compile_command(pulse: PulseContext, check: bool, dry_run: bool) -> None:
    """Turn segments/ into dbt models under models/pulse.

    Files without a definition any more are removed; files that were not generated are left alone.

    \b
    Example:
      pulse compile --check
    """
    from pulse_runner.compile.write import pending, unlisted_entities, write_models
    from pulse_runner.pipeline import entities_hint

    project = pulse.project()
    if check or dry_run:
        changes, _ = pending(project, pulse.root)
    else:
        changes = write_models(project, pulse.root)
    would = "would " if check or dry_run else ""
    for path in changes.written:
        click.echo(f"{would}write   {path}")
    for path in changes.removed:
        click.echo(f"{would}remove  {path}")
    stale = len(changes.written) + len(changes.removed)
    if check and stale:
        raise PulseError(f"{stale} compiled files are stale.", "Run `pulse compile` and commit them.")
    missing = unlisted_entities(project, pulse.root)
    if missing:
        pulse.log("\n  ".join(entities_hint(project, missing)))
    pulse.log(f"{len(project.segments)} segments; {stale or 'no'} file{'s' if stale != 1 else ''} changed.")
