"""`pulse uninstall`: the project as it was before `pulse init`."""

from __future__ import annotations

import click

from pulse_runner.cli.context import PulseContext, pass_pulse


@click.command("uninstall")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@pass_pulse
def uninstall_command(pulse: PulseContext, yes: bool, dry_run: bool) -> None:
    """Take Pulse out of this dbt project: its files, its lines in your YAML, and the definitions in segments/.

    The tables in the warehouse stay. The statements that drop them are printed.

    \b
    Example:
      pulse uninstall --dry-run
    """
    from pulse_runner.adopt.project import drop_statements, plan_removal, remove
    from pulse_runner.warehouse.manifest import read_manifest

    root = pulse.root
    plan = plan_removal(root)
    if not plan.deleted and not plan.edited:
        pulse.log(f"Pulse is not in {root.name}: nothing to do.")
        return
    word = "would " if dry_run else ""
    statements = drop_statements(read_manifest(root))
    if not dry_run and not yes:
        click.echo(
            "\n".join([*(f"delete  {path}" for path in plan.deleted), *(f"edit    {path}" for path in plan.edited)])
        )
        click.confirm("Take Pulse out of this project?", abort=True)
    if not dry_run:
        remove(root, plan)
    for path in plan.deleted:
        click.echo(f"{word}delete  {path}")
    for path in plan.edited:
        click.echo(f"{word}edit    {path}")
    if statements:
        click.echo("\n-- The tables stay until you drop them, with all history and incidents:")
        click.echo("\n".join(statements))
    else:
        pulse.log(
            "dbt has not built this project here, so nobody knows where its tables are; their names begin with pulse_ and seg_."
        )
