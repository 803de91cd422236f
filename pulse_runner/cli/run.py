"""`pulse run`: the whole line for one date."""

from __future__ import annotations

import sys
from datetime import date

import click

from pulse_runner.cli.context import DAY, PulseContext, is_interactive, pass_pulse
from pulse_runner.vocabulary import SEVERITIES, severity_rank


@click.command("run")
@click.option("--date", "day", type=DAY, help="The date to snapshot and judge; today when left out.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with 3 when incidents at or above this are open.")
@click.option(
    "--dry-run", is_flag=True, help="Build and write nothing: judge what is there and print what would be sent."
)
@click.option(
    "--yes",
    is_flag=True,
    help="Make snapshots of the earlier days that detectors need, without asking, where a table remembers them.",
)
@pass_pulse
def run_command(pulse: PulseContext, day: date | None, fail_on: str | None, dry_run: bool, yes: bool) -> None:
    """Do all of it for a date: compile check, dbt build, detect, explain, alert.

    Every step can be repeated: the same date twice gives the same rows and no second alert. A table without history is
    snapshotted on the day on which the run sees it, also by a run for yesterday.

    \b
    Example:
      pulse run --yes
      pulse run --date yesterday --fail-on high
    """
    from pulse_runner.cli.progress import progress
    from pulse_runner.pipeline import run_day

    def agree(question: str) -> bool:
        return yes or (is_interactive() and is_answered() and click.confirm(question, default=True, err=True))

    day = pulse.past(day or pulse.today)
    report = run_day(pulse, day, dry_run=dry_run, progress=progress, say=pulse.log, agree=agree)
    click.echo(report.summary())
    if fail_on:
        severe = [i for i in report.active if severity_rank(i.severity) >= severity_rank(fail_on)]
        if severe:
            pulse.log(f"{len(severe)} incidents of severity {fail_on} or above are open.")
            raise SystemExit(3)


def is_answered() -> bool:
    """Say whether a person can type an answer."""
    return sys.stdin.isatty()
