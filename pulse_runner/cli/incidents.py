"""`pulse incidents`: see what is open and handle it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from pulse_runner.cli.completion import complete_incidents
from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.cli.terminal import hanging, width
from pulse_runner.vocabulary import ACTIVE, STATUSES

if TYPE_CHECKING:
    from pulse_runner.alert.delivery import Delivery
    from pulse_runner.explain.store import StoredExplanation
    from pulse_runner.incidents.incident import Incident, IncidentEvent

DELIVERY_COLUMNS = ("notification", "channel", "status", "reason", "planned_at", "sent_at")
EXPLANATION_COLUMNS = ("version", "headline", "summary", "hypotheses", "recommendations")
Command = Callable[..., Any]


@click.group("incidents")
def incidents_group() -> None:
    """List, show and handle incidents.

    \b
    Example:
      pulse incidents list --status open
    """


@incidents_group.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([*STATUSES, "all"]),
    help="Only these; open and acknowledged when left out.",
)
@click.option("--segment", help="Only incidents of this segment.")
@click.option("--since", type=DAY, help="Only incidents that were seen on this date or later.")
@format_option
@pass_pulse
def list_command(
    pulse: PulseContext, statuses: tuple[str, ...], segment: str | None, since: date | None, fmt: str
) -> None:
    """List incidents, the most severe first.

    \b
    Example:
      pulse incidents list --status all --since 2026-05-01
    """
    from pulse_runner.incidents.store import LIST_COLUMNS, list_incidents, list_row
    from pulse_runner.segments.edit import find_segment

    wanted = () if "all" in statuses else statuses or ACTIVE
    with pulse.warehouse() as warehouse:
        found = list_incidents(warehouse, statuses=wanted, segment=segment, since=since)
        if segment and not found and not list_incidents(warehouse, segment=segment):
            find_segment(pulse.root, pulse.schema, segment)  # an unknown name is not the same as a quiet segment
    pulse.echo_rows([list_row(i) for i in found], LIST_COLUMNS, fmt)


@incidents_group.command("show")
@click.argument("incident", shell_complete=complete_incidents)
@format_option
@pass_pulse
def show_command(pulse: PulseContext, incident: str, fmt: str) -> None:
    """Show one incident with its history, explanation and messages: INC-42, or the start of its id.

    \b
    Example:
      pulse incidents show INC-42
    """
    from pulse_runner.alert.delivery import deliveries_of
    from pulse_runner.explain.store import explanation_row, latest_explanations
    from pulse_runner.incidents.store import event_row, events_of, find_incident, list_row
    from pulse_runner.warehouse.project import time_zone

    with pulse.warehouse() as warehouse:
        found = find_incident(warehouse, incident)
        identity = found.incident_id
        events = events_of(warehouse, identity)
        told = deliveries_of(warehouse, [identity]).get(identity, [])
        why = latest_explanations(warehouse, [identity]).get(identity)
    row = list_row(found)
    if fmt == "json":
        whole = explanation_row(why) if why else {}
        everything = {
            **row,
            "events": [event_row(e) for e in events],
            "deliveries": [{c: getattr(d, c) for c in DELIVERY_COLUMNS} for d in told],
            "explanation": {c: whole[c] for c in EXPLANATION_COLUMNS} if why else None,
        }
        click.echo(json.dumps(everything, indent=2, default=str, ensure_ascii=False))
    elif fmt == "csv":
        pulse.echo_rows([row], list(row), fmt)
    else:
        click.echo(_story(found, events, told, why, time_zone(pulse.root).key))


def _story(
    incident: Incident, events: list[IncidentEvent], told: list[Delivery], why: StoredExplanation | None, zone: str
) -> str:
    """Return an incident as people read it: dates are those of snapshots, times those of `zone`."""
    from pulse_runner.alert.hours import said as at
    from pulse_runner.incidents.incident import PULSE

    room, name = width(), incident.name
    lines = [
        hanging(f"{name}  ", incident.title, room),
        f"  {incident.severity} severity, {incident.status}, since {incident.started_on},"
        f" last seen {incident.last_seen_on}",
        hanging("  ", incident.reason, room),
        *([f"  told again on {incident.until_on}"] if incident.until_on else []),
        f"  owner {incident.owner or '-'}, incident {incident.incident_id}, found by {incident.detector}",
    ]
    if why:
        said = why.explanation
        lines += ["", "Why", *(hanging("  ", line, room) for line in (said.headline, *said.summary.split("\n")))]
        lines += [hanging("  - ", f"{h.title} ({h.confidence})", room) for h in said.hypotheses]
        lines += [hanging(f"  {n}. ", todo, room) for n, todo in enumerate(said.recommendations, 1)]
    lines += ["", "History"]
    for e in events:
        when = "" if e.actor == PULSE else f", {at(e.occurred_at.replace(tzinfo=None), zone)}"
        lines.append(hanging(f"  {e.snapshot_date}  {e.event:<13} ", f"{e.actor}{when}: {e.reason}", room))
    if told:
        lines += ["", "Messages"]
        for d in told:
            when = f"{at(d.sent_at.replace(tzinfo=None), zone)}: " if d.sent_at else ""
            lines.append(
                hanging(f"  {d.notification:<9} {d.channel:<8} {d.status:<8} ", f"{when}{d.reason}", room).rstrip()
            )
    if incident.status in ACTIVE:
        take = f"  pulse incidents acknowledge {name}   say that you are at it"
        lines += ["", "Next", *([take] if incident.status != "acknowledged" else [])]
        lines += [f"  pulse explain {name} --evidence      each number with its SQL"]
    return "\n".join(lines)


def _action(
    name: str, summary: str, example: str, *extra: Callable[[Command], Command], why_needed: bool = False
) -> None:
    """Make a command that handles incidents: all that are named, or none."""
    why: dict[str, Any] = {"required": True} if why_needed else {"default": ""}

    @click.argument("incidents", nargs=-1, required=True, metavar="INCIDENT...", shell_complete=complete_incidents)
    @click.option("--group", is_flag=True, help="Also those with the same cause; what is so already stays.")
    @click.option("--note", "--why", "note", help="Why, for the history.", **why)
    @click.option("--by", "actor", help="Who; the user of this machine when left out.")
    @click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
    @pass_pulse
    def command(
        pulse: PulseContext, /, incidents: tuple[str, ...], actor: str | None, dry_run: bool, **options: Any
    ) -> None:
        from pulse_runner.incidents.handle import Asked, handle

        asked = Asked(name, incidents, actor or user(), **options)
        with pulse.warehouse() as warehouse:
            done = handle(warehouse, asked, pulse.today, pulse.now, dry_run=dry_run)
        for one in done:
            click.echo(one.sentence("would be " if dry_run else ""))

    made: Command = command
    for option in extra:
        made = option(made)
    made.__doc__ = f"{summary}\n\nINCIDENT is INC-42, or the start of an id.\n\n\b\nExample:\n  {example}"
    incidents_group.command(name)(made)


_action(
    "acknowledge",
    "Take an incident in hand; its messages become reminders.",
    "pulse incidents acknowledge INC-42 INC-43 --by ana",
)
_action(
    "assign",
    "Put an incident into somebody's hands.",
    "pulse incidents assign INC-42 --to ana",
    click.option("--to", required=True, help="Whose hands."),
)
_action(
    "comment",
    "Write something into the history of an incident.",
    'pulse incidents comment INC-42 --note "asked the vendor"',
    why_needed=True,
)
_action(
    "snooze",
    "Hear nothing about an incident until a date; it stays in the lists.",
    "pulse incidents snooze INC-42 --until 2026-06-08",
    click.option("--until", type=DAY, required=True, help="The date on which it is told again."),
)
_action(
    "resolve",
    "Close an incident that was repaired, or accept its level as the new normal.",
    'pulse incidents resolve INC-42 --group --as-new-normal --note "campaign ended"',
    click.option("--as-new-normal", is_flag=True, help="The level is right: compare with it from now on."),
)
_action(
    "false-alarm",
    "Close an incident that was none: its days count as ordinary days.",
    'pulse incidents false-alarm INC-42 --why "the shop was closed for stock-taking"',
    why_needed=True,
)
_action(
    "ignore",
    "Stop hearing about an incident: until a date, or for good as the new normal.",
    'pulse incidents ignore INC-42 --until 2026-07-01 --note "known, repaired in June"',
    click.option("--until", type=DAY, help="Open again on this date if it is still there; for good when left out."),
)
_action(
    "reopen",
    "Take back a resolution, an ignore or an acknowledgement.",
    "pulse incidents reopen INC-42",
)


def user() -> str:
    """Return the user of this machine."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"
