"""`pulse run`: the whole line for one date."""

from __future__ import annotations

from datetime import date

import click

from pulse_runner.cli.context import DAY, PulseContext, pass_pulse
from pulse_runner.vocabulary import SEVERITIES, severity_rank


@click.command("run")
@click.option("--date", "day", type=DAY, help="The date to snapshot and judge; today when left out.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with 3 when incidents at or above this are open.")
@click.option(
    "--dry-run", is_flag=True, help="Build and write nothing: judge what is there and print what would be sent."
)
@pass_pulse
def run_command(pulse: PulseContext, day: date | None, fail_on: str | None, dry_run: bool) -> None:
    """Do all of it for a date: compile check, dbt build, detect, explain, alert.

    Every step can be repeated: the same date twice gives the same rows and no second alert.

    \b
    Example:
      pulse run --date yesterday --fail-on high
    """
    from pulse_runner.cli.progress import progress
    from pulse_runner.pipeline import run_day

    with progress("dbt build") as show:
        report = run_day(pulse, day or pulse.today, dry_run=dry_run, on_progress=show, say=pulse.log)
    click.echo(report.summary())
    if fail_on:
        severe = [i for i in report.active if severity_rank(i.severity) >= severity_rank(fail_on)]
        if severe:
            pulse.log(f"{len(severe)} incidents of severity {fail_on} or above are open.")
            raise SystemExit(3)
