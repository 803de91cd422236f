"""`pulse prune`."""

from __future__ import annotations

from dataclasses import asdict

import click

from pulse_runner.cli.context import PulseContext, format_option, pass_pulse

COLUMNS = ("table", "before", "rows")


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Say how many rows would go; delete nothing.")
@format_option
@pass_pulse
def prune_command(pulse: PulseContext, dry_run: bool, fmt: str) -> None:
    """Delete rows that are older than the var pulse_keep_days of dbt_project.yml keeps them.

    Days are counted back from the latest snapshot. Definitions, incidents, explanations and messages are kept for good.

    \b
    Example:
      pulse prune --dry-run
    """
    from pulse_runner.snapshot.retention import VAR, delete_old, kept_days, old_rows

    keep = kept_days(pulse.root)
    if not keep:
        pulse.log(f"Everything is kept: dbt_project.yml sets no var {VAR}. docs/configuration.md says how.")
        return
    entities = sorted(pulse.project().entities)
    with pulse.alone(pulse.today, "pulse prune"), pulse.warehouse() as warehouse:
        old = old_rows(warehouse, keep, entities)
        if not dry_run:
            delete_old(warehouse, old)
    pulse.echo_rows([asdict(o) for o in old], COLUMNS, fmt)
    rows = sum(o.rows for o in old)
    pulse.log(f"{rows:,} rows {'would be deleted' if dry_run else 'deleted'}.")
