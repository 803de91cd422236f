"""`pulse snapshot` and `pulse snapshots`."""

from __future__ import annotations

from datetime import date, timedelta

import click

from pulse_runner.cli.completion import complete_segments
from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.errors import PulseError, UsageError, unknown_segment


@click.command("snapshot")
@click.option("--date", "day", type=DAY, help="One date; today when nothing is given.")
@click.option("--from", "first", type=DAY, help="First date of a range.")
@click.option("--to", "last", type=DAY, help="Last date of a range; today when only --from is given.")
@click.option("--resume", is_flag=True, help="Pass over dates that are complete with today's definitions.")
@click.option(
    "--compare",
    multiple=True,
    type=click.IntRange(2, 40),
    metavar="DAYS",
    help="Explain the change since so many days before each date too (7: the same weekday a week ago). May be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Say which dates would be built; build nothing.")
@pass_pulse
def snapshot_command(
    pulse: PulseContext,
    day: date | None,
    first: date | None,
    last: date | None,
    resume: bool,
    compare: tuple[int, ...],
    dry_run: bool,
) -> None:
    """Snapshot every enabled segment for a date or a range of dates, in one dbt invocation.

    \b
    Example:
      pulse snapshot --date 2026-05-31
      pulse snapshot --from 2026-03-01 --to 2026-05-31 --resume
      pulse snapshot --date 2026-05-31 --compare 7
    """
    first, last = date_range(pulse, day, first, last)
    if dry_run:
        click.echo(f"Would snapshot {first} to {last} ({(last - first).days + 1} days).")
        return
    from pulse_runner.cli.progress import progress
    from pulse_runner.pipeline import checked_project
    from pulse_runner.snapshot.build import build_snapshots
    from pulse_runner.snapshot.read import LIST_COLUMNS, snapshots_of
    from pulse_runner.warehouse.interrupt import stoppable
    from pulse_runner.warehouse.runs import recorded_build

    project = checked_project(pulse)
    present = pulse.present
    resumed = " ".join(
        ["pulse snapshot", f"--from {first} --to {last}", *(f"--compare {n}" for n in compare), "--resume"]
    )
    with (
        stoppable(resumed),
        pulse.alone(last, "pulse snapshot"),
        progress("snapshot") as show,
        recorded_build(pulse.warehouse, first, last, pulse.now) as run,
    ):
        result = build_snapshots(
            pulse.root,
            first,
            last,
            project.entities,
            present=present,
            target=pulse.target,
            resume=resume,
            compare=compare,
            on_progress=show,
            counts=run.counts,
        )
        run.failure = result.failure()
    for failure in result.failures:
        pulse.log(f"dbt {failure.status}: {failure.node}: {failure.message}")
    with pulse.warehouse() as warehouse:
        rows = snapshots_of(warehouse, _shown_days(pulse, last, present))
    pulse.echo_rows(rows, LIST_COLUMNS)
    result.raise_if_blind()


def _shown_days(pulse: PulseContext, last: date, present: date) -> list[date]:
    """Return the dates whose snapshots are printed; dbt builds the compiled models whatever the definitions say by now."""
    from pulse_runner.snapshot.days import covered_days

    try:
        return covered_days(pulse.project(), last, present)
    except PulseError:
        return [last]


@click.group("snapshots")
def snapshots_group() -> None:
    """List and show snapshots.

    \b
    Example:
      pulse snapshots show high_value_active_users --from 2026-05-01
    """


@snapshots_group.command("list")
@click.option("--date", "day", type=DAY, help="The date; by default each segment's latest.")
@format_option
@pass_pulse
def list_command(pulse: PulseContext, day: date | None, fmt: str) -> None:
    """List the latest snapshot of every segment.

    \b
    Example:
      pulse snapshots list --date yesterday --format csv
    """
    from pulse_runner.snapshot.read import LIST_COLUMNS, latest_snapshots

    with pulse.warehouse() as warehouse:
        rows = latest_snapshots(warehouse, day, day) if day else latest_snapshots(warehouse)
    pulse.echo_rows(rows, LIST_COLUMNS, fmt)


@snapshots_group.command("show")
@click.argument("segment", shell_complete=complete_segments)
@click.option("--from", "first", type=DAY, help="First date; four weeks before --to when left out.")
@click.option("--to", "last", type=DAY, help="Last date; the segment's latest when left out.")
@format_option
@pass_pulse
def show_command(pulse: PulseContext, segment: str, first: date | None, last: date | None, fmt: str) -> None:
    """Show the days of one segment.

    \b
    Example:
      pulse snapshots show high_value_active_users --from 2026-05-01 --to 2026-05-31
    """
    from pulse_runner.snapshot.read import SHOW_COLUMNS, last_day, segment_history

    with pulse.warehouse() as warehouse:
        if last is None:
            last = last_day(warehouse, segment) or pulse.today
        pulse.echo_rows(
            segment_history(warehouse, segment, first or last - timedelta(days=27), last), SHOW_COLUMNS, fmt
        )


@snapshots_group.command("forecast")
@click.argument("segment", shell_complete=complete_segments)
@click.option("--date", "day", type=DAY, help="The last day that is known; the segment's latest when left out.")
@click.option("--days", type=click.IntRange(1, 28), default=7, show_default=True, help="Days ahead.")
@format_option
@pass_pulse
def forecast_command(pulse: PulseContext, segment: str, day: date | None, days: int, fmt: str) -> None:
    """Show the size that is to be expected on the next days, with a 95 % interval, and where a trend is heading.

    \b
    Example:
      pulse snapshots forecast high_value_active_users --days 14
    """
    from pulse_runner.detect.forecasts import COLUMNS, forecast_rows, missing_days, size_forecasts
    from pulse_runner.snapshot.read import last_day

    project = pulse.project()
    if segment not in project.segments:
        raise unknown_segment(segment, project.segments)
    with pulse.warehouse() as warehouse:
        last = day or last_day(warehouse, segment) or pulse.today
        found = size_forecasts(warehouse, project, last, {segment}, days)
        needs = missing_days(warehouse, segment, last)
    rows = forecast_rows(found)
    pulse.echo_rows(rows, [c for c in COLUMNS if fmt != "table" or c not in ("crosses_on", "reason")], fmt)
    pulse.log(found[0].reason if found else f"{segment} needs {max(needs, 1)} more days of snapshots for a forecast.")


def date_range(pulse: PulseContext, day: date | None, first: date | None, last: date | None) -> tuple[date, date]:
    """Return the first and last date that the options mean; raise UsageError for --date with a range, and for a date to come."""
    if day and (first or last):
        raise UsageError("Give --date, or --from and --to, not both.")
    if last and not first:
        raise UsageError("--to needs --from.")
    if day or not first:
        only = pulse.past(day or pulse.today)
        return only, only
    end = pulse.past(last or pulse.today)
    if end < first:
        raise UsageError(f"--from {first} is after --to {end}.")
    return first, end
