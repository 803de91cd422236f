"""`pulse alert`."""

from __future__ import annotations

from datetime import date

import click

from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.errors import PulseError, UsageError

COLUMNS = ("incident_id", "notification", "route", "channel", "target", "status", "attempts", "reason")
JSON_COLUMNS = (*COLUMNS, "subject", "body", "idempotency_key", "snapshot_date", "planned_at", "sent_at")
TEST_COLUMNS = ("route", "channel", "target", "status", "reason")


@click.command("alert")
@click.option("--date", "day", type=DAY, help="Tell what is new on this date; today by default.")
@click.option("--dry-run", is_flag=True, help="Print exactly what would be sent; send and write nothing.")
@click.option("--channel", type=click.Choice(["slack", "email", "teams", "n8n", "console"]), help="Only this channel.")
@click.option("--incident", help="Only this incident; the start of its id is enough.")
@click.option("--retry", is_flag=True, help="Try again what was given up today.")
@click.option(
    "--test", "route", metavar="ROUTE", help="Send a test message to every target of a route, and nothing else."
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
    fmt: str,
) -> None:
    """Tell the owners of incidents, once, through the channels of their routes.

    A channel whose variables are not set prints its messages here instead.

    \b
    Example:
      pulse alert --dry-run
      pulse alert --test growth
    """
    from contextlib import nullcontext

    from pulse_runner.alert.stage import run_alerts, send_test
    from pulse_runner.incidents.store import find_incident
    from pulse_runner.segments.load import load_project
    from pulse_runner.warehouse.runs import recorded

    say = click.echo if fmt == "table" else pulse.log  # messages are for people; json and csv keep stdout for the rows
    project, day = load_project(pulse.root), day or pulse.today
    if route is not None:
        if dry_run or channel or incident or retry:
            raise UsageError("--test sends to one route now; it takes no other option than --format.")
        tried = send_test(project, route, pulse.now, pulse.env, out=say)
        pulse.echo_rows(tried, TEST_COLUMNS, fmt)
        if any(r["status"] == "failed" for r in tried):
            raise PulseError("A test message did not arrive; the reasons are above.")
        return
    with pulse.warehouse() as warehouse:
        only = find_incident(warehouse, incident)["incident_id"] if incident else None
        with nullcontext() if dry_run else recorded(warehouse, "alert", day, day, pulse.now) as run:
            report = run_alerts(
                warehouse, project, day, pulse.now, pulse.env,
                dry_run=dry_run, out=say, channel=channel, incident_id=only, retry=retry,
            )  # fmt: skip
            if run is not None:
                run.counts.update(report.counts)
    rows = [*report.rows, *report.quiet]
    pulse.echo_rows(rows, JSON_COLUMNS if fmt == "json" else COLUMNS, fmt)
    pulse.log(report.sentence())
