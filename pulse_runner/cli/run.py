"""`pulse run`: the whole line for one date."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING

import click

from pulse_runner.cli.context import DAY, PulseContext, is_interactive, pass_pulse
from pulse_runner.vocabulary import ACTIVE, SEVERITIES, severity_rank

if TYPE_CHECKING:
    from pulse_runner.incidents.incident import Incident


@click.command("run")
@click.option("--date", "day", type=DAY, help="The date to snapshot and judge; today when left out.")
@click.option(
    "--since-last-run", is_flag=True, help="Do the dates that were missed before it too; skip one that is done."
)
@click.option("--no-build", is_flag=True, help="Leave the snapshots to a `dbt build` elsewhere; do the rest.")
@click.option(
    "--wait", type=click.IntRange(0), default=10, show_default=True, metavar="MINUTES",
    help="How long to wait for another run of the project.",
)  # fmt: skip
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
def run_command(
    pulse: PulseContext,
    day: date | None,
    since_last_run: bool,
    no_build: bool,
    wait: int,
    fail_on: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Do all of it for a date: compile check, dbt build, detect, explain, alert.

    Every step can be repeated: the same date twice gives the same rows and no second alert. Only one command of a
    project writes at a time; a second one waits. A table without history is snapshotted on the day on which the run
    sees it, also by a run for yesterday.

    Where a model upstream fails, the segments that need it are told as blind and the others are judged as ever; then it
    exits with 1. Exits with 4 when a message that is due has not arrived: then nobody may know. A channel that is not set up is no
    failure; its messages stand here.

    \b
    Example:
      pulse run --yes
      pulse run --date yesterday --since-last-run --fail-on high
    """
    from contextlib import nullcontext

    from pulse_runner.alert.undelivered import undelivered_error
    from pulse_runner.catch_up import first_missed
    from pulse_runner.cli.progress import progress
    from pulse_runner.pipeline import run_day, tell_again
    from pulse_runner.warehouse.interrupt import stoppable

    def agree(question: str) -> bool:
        return yes or (is_interactive() and is_answered() and click.confirm(question, default=True, err=True))

    day = pulse.past(day or pulse.today)
    again = f"pulse run --date {day}{' --since-last-run' if since_last_run else ''}{' --no-build' if no_build else ''}"
    with stoppable(again), nullcontext() if dry_run else pulse.alone(day, again, wait * 60, strangers=True):
        first, why = first_missed(_last_run(pulse, day), day) if since_last_run else (day, "")
        if why:
            pulse.log(why)
        report = None
        if first is None:
            lacking = [] if dry_run else tell_again(pulse, day, pulse.log)
            active = _active(pulse)
        else:
            report = run_day(
                pulse,
                day,
                first=first,
                build=not no_build,
                dry_run=dry_run,
                progress=progress,
                say=pulse.log,
                agree=agree,
            )
            click.echo(report.summary())
            active, lacking = report.active, report.undelivered
    if lacking:
        raise undelivered_error(lacking)
    if report is not None and report.build is not None:
        report.build.raise_if_blind()
    if fail_on:
        severe = [i for i in active if severity_rank(i.severity) >= severity_rank(fail_on)]
        if severe:
            pulse.log(f"{len(severe)} incidents of severity {fail_on} or above are open.")
            raise SystemExit(3)


def is_answered() -> bool:
    """Say whether a person can type an answer."""
    return sys.stdin.isatty()


def _last_run(pulse: PulseContext, day: date) -> date | None:
    from pulse_runner.catch_up import last_run

    with pulse.warehouse() as warehouse:
        return last_run(warehouse, day)


def _active(pulse: PulseContext) -> list[Incident]:
    from pulse_runner.incidents.store import list_incidents

    with pulse.warehouse() as warehouse:
        return list_incidents(warehouse, statuses=ACTIVE)
