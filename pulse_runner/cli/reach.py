"""`pulse reach`: the way from the rule to the person."""

from __future__ import annotations

from datetime import date

import click

from pulse_runner.cli.completion import complete_segments
from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.errors import UsageError, unknown_segment


@click.command("reach")
@click.argument("segment", shell_complete=complete_segments)
@click.option("--date", "day", type=DAY, help="The date; the segment's latest when left out.")
@click.option("--channel", help="Only this channel.")
@format_option
@pass_pulse
def reach_command(pulse: PulseContext, segment: str, day: date | None, channel: str | None, fmt: str) -> None:
    """Show how many members get through each step to the person, per channel, and why the others do not.

    \b
    Example:
      pulse reach german_newsletter --channel email
      pulse reach german_newsletter --date 2026-05-30 --format csv
    """
    from pulse_runner.snapshot.ladder import COLUMNS, endings, ladder_rows
    from pulse_runner.snapshot.read import last_day, segment_history

    project = pulse.project()
    if segment not in project.segments:
        raise unknown_segment(segment, project.segments)
    entity = project.entities[project.segments[segment].entity]
    with pulse.warehouse() as warehouse:
        shown = day or last_day(warehouse, segment) or pulse.today
        if not segment_history(warehouse, segment, shown, shown):
            raise UsageError(
                f"There is no snapshot of {segment} on {shown}.", f"`pulse snapshot --date {shown}` makes it."
            )
        rows = ladder_rows(warehouse, entity, segment, shown, channel)
    pulse.echo_rows(rows, COLUMNS, fmt)
    for sentence in endings(entity, rows):
        pulse.log(sentence)
    if not rows:
        pulse.log(
            f"Nothing is known of the reach of {segment} on {shown}: {entity.name} declares no channel, or the day is not ok."
        )
