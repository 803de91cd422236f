"""`pulse silences`: have nobody told of something for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import click

from pulse_runner.cli.completion import complete_incidents
from pulse_runner.cli.context import DAY, F, PulseContext, format_option, pass_pulse
from pulse_runner.cli.incidents import user
from pulse_runner.errors import UsageError
from pulse_runner.vocabulary import SEVERITIES

if TYPE_CHECKING:
    from pulse_runner.alert.silences import Silence

COLUMNS = ("silence", "state", "matches", "ends_at", "created_by", "reason")


@click.group("silences")
def silences_group() -> None:
    """Add, list and end silences: nobody is told of what they match.

    \b
    Example:
      pulse silences list
    """


def _match(name: str, what: str) -> Callable[[F], F]:
    return click.option(f"--{name}", name, multiple=True, help=f"{what}; repeatable, `*` stands for anything.")


@silences_group.command("add")
@_match("segment", "Incidents of this segment")
@_match("entity", "Incidents of this entity and its segments")
@_match("owner", "Incidents of this owner")
@_match("tag", "Incidents of segments with this tag")
@_match("detector", "Incidents that this detector found")
@_match("cause", "Incidents with this cause")
@click.option(
    "--severity", multiple=True, type=click.Choice(SEVERITIES), help="Incidents of this severity; repeatable."
)
@click.option("--incident", multiple=True, shell_complete=complete_incidents, help="This incident; repeatable.")
@click.option("--until", type=DAY, help="It ends when this date begins in the project's time zone.")
@click.option("--hours", type=click.FloatRange(0, 24 * 366, min_open=True), help="It ends after so many hours.")
@click.option("--why", "--reason", "reason", required=True, help="Why; it stands in `pulse alert --why`.")
@click.option("--by", "actor", help="Who; the user of this machine when left out.")
@click.option("--dry-run", is_flag=True, help="Say what would be silenced; write nothing.")
@pass_pulse
def add_command(
    pulse: PulseContext,
    /,
    until: date | None,
    hours: float | None,
    reason: str,
    actor: str | None,
    dry_run: bool,
    incident: tuple[str, ...],
    **matched: tuple[str, ...],
) -> None:
    """Have nobody told of what all of the options match, until it ends.

    \b
    Example:
      pulse silences add --segment "vip_*" --until 2026-06-08 --why "campaign of the week"
      pulse silences add --entity customers --hours 6 --why "backfill is running"
    """
    from pulse_runner.alert.silences import new_silence, save_silence
    from pulse_runner.incidents.store import find_incidents
    from pulse_runner.segments.routing import Match

    if (until is None) == (hours is None):
        raise UsageError("A silence needs an end.", "Give either --until DATE or --hours N.")
    now = pulse.now.astimezone(UTC).replace(tzinfo=None)
    ends = now + timedelta(hours=hours) if hours is not None else _midnight(pulse, until)
    with pulse.warehouse() as warehouse:
        ids = tuple(i.incident_id for i in find_incidents(warehouse, incident))
        made = new_silence(Match(incident=ids, **matched), reason, actor or user(), now, ends)
        if not dry_run:
            save_silence(warehouse, made)
    would = "would be silenced" if dry_run else "silenced"
    click.echo(f"{made.silence_id}: {made.scope.words()}: {would} until {made.ends_at:%Y-%m-%d %H:%M} UTC")


@silences_group.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over too.")
@format_option
@pass_pulse
def list_command(pulse: PulseContext, everything: bool, fmt: str) -> None:
    """List the silences that hold, the newest first.

    \b
    Example:
      pulse silences list --all
    """
    from pulse_runner.alert.silences import read_silences

    now = pulse.now.astimezone(UTC).replace(tzinfo=None)
    with pulse.warehouse() as warehouse:
        found = read_silences(warehouse)
    pulse.echo_rows([_row(s, now) for s in found if everything or s.is_live(now)], COLUMNS, fmt)


@silences_group.command("expire")
@click.argument("silences", nargs=-1, required=True, metavar="SILENCE...")
@click.option("--by", "actor", help="Who; the user of this machine when left out.")
@pass_pulse
def expire_command(pulse: PulseContext, silences: tuple[str, ...], actor: str | None) -> None:
    """End silences now, by the start of their ids.

    \b
    Example:
      pulse silences expire 3f2a
    """
    from pulse_runner.alert.silences import expire, read_silences, save_silence

    now = pulse.now.astimezone(UTC).replace(tzinfo=None)
    with pulse.warehouse() as warehouse:
        ended = expire(read_silences(warehouse), silences, actor or user(), now)
        for silence in ended:
            save_silence(warehouse, silence)
    for silence in ended:
        click.echo(f"{silence.silence_id}: {silence.scope.words()}: over")


def _midnight(pulse: PulseContext, day: date | None) -> datetime:
    from pulse_runner.warehouse.project import time_zone

    assert day is not None
    return datetime.combine(day, time(), time_zone(pulse.root)).astimezone(UTC).replace(tzinfo=None)


def _row(silence: Silence, now: datetime) -> dict[str, object]:
    return {
        "silence": silence.silence_id, "state": "holds" if silence.is_live(now) else "over", "matches": silence.scope.words(),
        "ends_at": silence.ended_at or silence.ends_at, "created_by": silence.created_by, "reason": silence.reason,
    }  # fmt: skip
