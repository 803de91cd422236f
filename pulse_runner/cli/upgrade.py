"""`pulse upgrade`: the project's copy of the dbt package, brought to the runner's version."""

from __future__ import annotations

import click

from pulse_runner import __version__
from pulse_runner.cli.context import PulseContext, pass_pulse


@click.command("upgrade")
@click.option("--force", is_flag=True, help="Overwrite what somebody edited in the copy too.")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@pass_pulse
def upgrade_command(pulse: PulseContext, force: bool, dry_run: bool) -> None:
    """Bring the copy of the dbt package in this project to the runner's version, and say what changed.

    A copy that somebody edited is not overwritten. The compiled models are written again, as the new version writes them.

    \b
    Example:
      pulse upgrade --dry-run
    """
    from pulse_runner.adopt.copy import plan_upgrade, write_upgrade
    from pulse_runner.compile.write import pending, write_models
    from pulse_runner.package import COPY, install_copy

    plan = plan_upgrade(pulse.root, force)
    word = "would be " if dry_run else ""
    for name, paths in (("added", plan.added), ("changed", plan.changed), ("removed", plan.removed)):
        for path in paths:
            click.echo(f"{word}{name:<8} {COPY}/{path}")
    if not dry_run:
        write_upgrade(pulse.root, plan)
        install_copy(pulse.root)
    if (pulse.root / "segments").is_dir():
        project = pulse.project()
        changes = pending(project, pulse.root)[0] if dry_run else write_models(project, pulse.root)
        for compiled in changes.paths:
            click.echo(f"{word}compiled {compiled}")
    if not plan.paths:
        pulse.log(f"{COPY}/ is of version {__version__} already.")
        return
    if plan.notes:
        click.echo(f"\n{plan.notes}\n")
    before = plan.before or "a version that it does not name"
    pulse.log(f"{COPY}/: from {before} to {__version__}. Commit it; then `pulse run`.")
