"""`pulse alert`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from pulse_runner.cli.completion import complete_incidents
from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.errors import UndeliveredError, UsageError

if TYPE_CHECKING:
    from pulse_runner.alert.routing import Address
    from pulse_runner.segments.model import Project

COLUMNS = ("incident", "notification", "route", "channel", "target", "status", "attempts", "reason")
JSON_COLUMNS = ("incident_id", *COLUMNS, "subject", "body", "idempotency_key", "snapshot_date", "planned_at", "sent_at")
WHY_COLUMNS = ("incident", "route", "channel", "target", "decision", "reason", "before")
TEST_COLUMNS = ("route", "channel", "target", "status", "reason")


class ChannelName(click.ParamType[str]):
    """The name of a channel; the registry is read only when it is needed, so that other commands start fast."""

    name = "channel"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{'|'.join(self._names())}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self._names():
            return str(value)
        return self.fail(f"{value!r} is not one of {', '.join(self._names())}.", param, ctx)

    def _names(self) -> list[str]:
        from pulse_runner.alert.channels import CHANNELS

        return list(CHANNELS)


@click.command("alert")
@click.option("--date", "day", type=DAY, help="Tell what is new on this date; today by default.")
@click.option("--dry-run", is_flag=True, help="Print exactly what would be sent; send and write nothing.")
@click.option("--channel", type=ChannelName(), help="Only this channel.")
@click.option(
    "--incident", shell_complete=complete_incidents, help="Only this incident: INC-42, or the start of its id."
)
@click.option("--retry", is_flag=True, help="Try again what was given up today.")
@click.option(
    "--test", "route", metavar="ROUTE", help="Send a test message to every target of a route, and nothing else."
)
@click.option(
    "--why",
    "asked",
    metavar="INCIDENT",
    shell_complete=complete_incidents,
    help="Show what is decided about an incident at each target, and why; send nothing.",
)
@format_option
@pass_pulse
def alert_command(
    pulse: PulseContext,
    day: date | None,
    dry_run: bool,
    channel: str | None,
    incident: str | None,
    retry: bool,
    route: str | None,
    asked: str | None,
    fmt: str,
) -> None:
    """Tell the owners of incidents, once, through the channels of their routes.

    A channel whose variables are not set prints its messages here instead. Exits with 4 when a message that is due has
    not arrived.

    \b
    Example:
      pulse alert --dry-run
      pulse alert --test growth
      pulse alert --why INC-42
    """
    from contextlib import nullcontext

    from pulse_runner.alert.stage import run_alerts, send_test
    from pulse_runner.alert.undelivered import undelivered_error
    from pulse_runner.incidents.store import find_incident, names_of
    from pulse_runner.warehouse.runs import recorded

    say = click.echo if fmt == "table" else pulse.log  # messages are for people; json and csv keep stdout for the rows
    project, day = pulse.project(), pulse.past(day or pulse.today)
    if asked is not None:
        if dry_run or channel or incident or retry or route is not None:
            raise UsageError("--why reads only; it takes no other option than --date and --format.")
        _show_why(pulse, project, asked, day, fmt)
        return
    if route is not None:
        if dry_run or channel or incident or retry:
            raise UsageError("--test sends to one route now; it takes no other option than --format.")
        tried = send_test(project, route, pulse.now, pulse.env, out=say)
        shown = [{**_address(t.address), "status": t.status, "reason": t.reason} for t in tried]
        pulse.echo_rows(shown, TEST_COLUMNS, fmt)
        if any(t.status == "failed" for t in tried):
            raise UndeliveredError("A test message did not arrive; the reasons are above.")
        return
    with nullcontext() if dry_run else pulse.alone(day, "pulse alert"), pulse.warehouse() as warehouse:
        names = names_of(warehouse)
        only = find_incident(warehouse, incident).incident_id if incident else None
        with nullcontext() if dry_run else recorded(warehouse, "alert", day, day, pulse.now) as run:
            report = run_alerts(
                warehouse, project, day, pulse.now, pulse.env,
                dry_run=dry_run, out=say, channel=channel, incident_id=only, retry=retry,
            )  # fmt: skip
            if run is not None:
                run.counts.update(report.counts)
    rows = [{"incident": names.get(d.incident_id, d.incident_id), **asdict(d)} for d in report.deliveries] + [
        {
            "incident": names.get(q.incident_id, q.incident_id),
            "incident_id": q.incident_id,
            **_address(q.address),
            "status": "quiet",
            "reason": q.reason,
        }
        for q in report.quiet
    ]
    pulse.echo_rows(rows, JSON_COLUMNS if fmt == "json" else COLUMNS, fmt)
    pulse.log(report.sentence())
    if report.undelivered:
        raise undelivered_error(report.undelivered)


def _show_why(pulse: PulseContext, project: Project, asked: str, day: date, fmt: str) -> None:
    from pulse_runner.alert.stage import repeat_days
    from pulse_runner.alert.why import why
    from pulse_runner.incidents.store import find_incident

    with pulse.warehouse() as warehouse:
        incident = find_incident(warehouse, asked)
        rows = why(warehouse, project, incident, day, pulse.env, repeat_days(pulse.env), pulse.now)
    told = [
        {
            "incident": incident.name,
            **_address(w.address),
            **({"route": w.route} if w.route else {}),
            "decision": w.decision,
            "reason": w.reason,
            "before": w.before,
        }
        for w in rows
    ]
    pulse.echo_rows(told, WHY_COLUMNS, fmt)


def _address(address: Address | None) -> dict[str, str]:
    names = ("route", "channel", "target")
    return dict(zip(names, address.key if address else ("", "", ""), strict=True))
