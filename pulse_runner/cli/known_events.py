"""`pulse known-events`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import click

from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.errors import UsageError
from pulse_runner.known_events.event import SCOPES


@click.group("known-events")
def known_events_group() -> None:
    """List known events, and add public holidays to them: their days are neither tested nor learned from.

    \b
    Example:
      pulse known-events add --country GB --from 2026-01-01 --to 2026-12-31
    """


@known_events_group.command("list")
@format_option
@pass_pulse
def list_command(pulse: PulseContext, fmt: str) -> None:
    """List the events of seeds/pulse_known_events.csv.

    \b
    Example:
      pulse known-events list --format csv
    """
    from pulse_runner.known_events.seed import COLUMNS, events_path, read_known_events

    pulse.echo_rows([asdict(e) for e in read_known_events(events_path(pulse.root))], COLUMNS, fmt)


@known_events_group.command("add")
@click.option("--country", required=True, help="ISO 3166 code of the calendar, such as GB.")
@click.option("--region", help="Part of the country with holidays of its own, such as BY for Bavaria.")
@click.option("--from", "first", type=DAY, required=True, help="First date.")
@click.option("--to", "last", type=DAY, required=True, help="Last date.")
@click.option("--scope", type=click.Choice(SCOPES), default="all", show_default=True, help="Whom it touches.")
@click.option("--scope-value", default="", help="Name of the entity, segment or owner.")
@click.option("--dry-run", is_flag=True, help="Say what would be added; write nothing.")
@pass_pulse
def add_command(
    pulse: PulseContext,
    country: str,
    region: str | None,
    first: date,
    last: date,
    scope: str,
    scope_value: str,
    dry_run: bool,
) -> None:
    """Add the public holidays of a country to seeds/pulse_known_events.csv; what is there already is not added again.

    \b
    Example:
      pulse known-events add --country DE --region BY --from 2026-01-01 --to 2026-12-31
    """
    from pulse_runner.known_events.seed import COLUMNS, events_path, with_holidays, write_known_events

    if last < first:
        raise UsageError(f"--from {first} is after --to {last}.")
    path = events_path(pulse.root)
    name = path.relative_to(pulse.root)
    fresh, text = with_holidays(path, country, first, last, scope=scope, scope_value=scope_value, region=region)
    if fresh and not dry_run:
        write_known_events(path, text)
    pulse.echo_rows([asdict(e) for e in fresh], COLUMNS, "table")
    done = "would be added to" if dry_run else "added to"
    pulse.log(
        f"{len(fresh)} events {done} {name}. `dbt seed --select pulse_known_events` loads them; `pulse run` does too."
    )
