"""`pulse incidents`: see what is open and handle it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from typing import Any

import click

from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse

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
    type=click.Choice(["open", "acknowledged", "resolved", "ignored", "all"]),
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
    from pulse_runner.incidents.store import LIST_COLUMNS, list_incidents
    from pulse_runner.vocabulary import ACTIVE

    wanted = () if "all" in statuses else statuses or ACTIVE
    with pulse.warehouse() as warehouse:
        rows = list_incidents(warehouse, statuses=wanted, segment=segment, since=since)
    pulse.echo_rows(rows, LIST_COLUMNS, fmt)


@incidents_group.command("show")
@click.argument("incident")
@format_option
@pass_pulse
def show_command(pulse: PulseContext, incident: str, fmt: str) -> None:
    """Show one incident with its history, explanation and messages. The start of its id is enough.

    \b
    Example:
      pulse incidents show 3f2a
    """
    from pulse_runner.incidents.store import events_of, find_incident

    with pulse.warehouse() as warehouse:
        row = find_incident(warehouse, incident)
        events = events_of(warehouse, row["incident_id"])
        told = warehouse.query(
            f"select notification, channel, status, reason, planned_at, sent_at from {warehouse.table('pulse_alert_deliveries')}"
            " where incident_id = ? order by planned_at",
            [row["incident_id"]],
        )
        why = warehouse.query(
            f"select version, headline, summary, hypotheses, recommendations from {warehouse.table('pulse_incident_explanations')}"
            " where incident_id = ? order by version desc limit 1",
            [row["incident_id"]],
        )
    if fmt == "json":
        everything = {**row, "events": events, "deliveries": told, "explanation": why[0] if why else None}
        click.echo(json.dumps(everything, indent=2, default=str, ensure_ascii=False))
    elif fmt == "csv":
        pulse.echo_rows([row], list(row), fmt)
    else:
        click.echo(_story(row, events, told, why[0] if why else None))


def _story(
    row: dict[str, Any], events: list[dict[str, Any]], told: list[dict[str, Any]], why: dict[str, Any] | None
) -> str:
    lines = [
        row["title"],
        f"  {row['severity']} severity, {row['status']}, since {row['started_on']}, last seen {row['last_seen_on']}",
        f"  {row['reason']}",
        f"  owner {row['owner'] or '-'}, incident {row['incident_id']}, found by {row['detector']}",
    ]
    if why:
        lines += ["", "Why", f"  {why['headline']}", *(f"  {line}" for line in (why["summary"] or "").split("\n"))]
        for h in json.loads(why["hypotheses"] or "[]"):
            lines.append(f"  - {h.get('title')} ({h.get('confidence')})")
        for n, todo in enumerate(json.loads(why["recommendations"] or "[]"), 1):
            lines.append(f"  {n}. {todo if isinstance(todo, str) else todo.get('action') or todo.get('text')}")
    lines += ["", "History"]
    lines += [f"  {e['snapshot_date']}  {e['event']:<12} {e['actor']}: {e['reason']}" for e in events]
    if told:
        lines += ["", "Messages"]
        lines += [
            f"  {t['notification']:<9} {t['channel']:<8} {t['status']:<8} {t['reason'] or ''}".rstrip() for t in told
        ]
    return "\n".join(lines)


def _action(
    name: str, summary: str, example: str, *extra: Callable[[Command], Command]
) -> Callable[[Command], click.Command]:
    """Make a command that changes the state of one incident."""

    def decorate(act: Command) -> click.Command:
        @click.argument("incident")
        @click.option("--note", default="", help="Why, for the history.")
        @click.option("--by", "actor", help="Who; the user of this machine when left out.")
        @click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
        @pass_pulse
        def command(
            pulse: PulseContext, /, incident: str, note: str, actor: str | None, dry_run: bool, **options: Any
        ) -> None:
            from pulse_runner.incidents.store import find_incident, incident_of, save

            with pulse.warehouse() as warehouse:
                row = find_incident(warehouse, incident)
                before = incident_of(row)
                change = act(before, actor or _user(), pulse.today, pulse.now, note, **options)
                if not dry_run:
                    save(warehouse, [change])
            would = "would be " if dry_run else ""
            click.echo(f"{before.incident_id}: {before.status} -> {would}{asdict(change.incident)['status']}")

        for option in extra:
            command = option(command)
        command.__doc__ = f"{summary}\n\n\b\nExample:\n  {example}"
        return incidents_group.command(name)(command)

    return decorate


@_action(
    "acknowledge",
    "Take an incident in hand; its messages become reminders.",
    "pulse incidents acknowledge 3f2a --by ana",
)
def acknowledge_command(*args: Any, **options: Any) -> Any:
    from pulse_runner.incidents import actions

    return actions.acknowledge(*args, **options)


@_action(
    "resolve",
    "Close an incident that was repaired, or accept its level as the new normal.",
    'pulse incidents resolve 3f2a --as-new-normal --note "campaign ended"',
    click.option("--as-new-normal", is_flag=True, help="The level is right: compare with it from now on."),
)
def resolve_command(*args: Any, **options: Any) -> Any:
    from pulse_runner.incidents import actions

    return actions.resolve(*args, **options)


@_action("ignore", "Stop hearing about an incident while it lasts.", 'pulse incidents ignore 3f2a --note "known"')
def ignore_command(*args: Any, **options: Any) -> Any:
    from pulse_runner.incidents import actions

    return actions.ignore(*args, **options)


@_action("reopen", "Take back a resolution or an ignore.", "pulse incidents reopen 3f2a")
def reopen_command(*args: Any, **options: Any) -> Any:
    from pulse_runner.incidents import actions

    return actions.reopen(*args, **options)


def _user() -> str:
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"
