"""`pulse report`: a digest to read or to mail."""

from __future__ import annotations

from datetime import date

import click

from pulse_runner.cli.context import DAY, PulseContext, pass_pulse


@click.command("report")
@click.option("--from", "first", type=DAY, help="First date; 29 days before --to when left out.")
@click.option("--to", "last", type=DAY, help="Last date; the latest snapshot when left out.")
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_pulse
def report_command(pulse: PulseContext, first: date | None, last: date | None, fmt: str) -> None:
    """Print a digest of a period: segments, incidents with their causes, trends, and what each segment can see.

    \b
    Example:
      pulse report --from 2026-05-01 --to 2026-05-31
    """
    from pulse_runner.alert.undelivered import undelivered
    from pulse_runner.backtest.sight import sight_sentences
    from pulse_runner.backtest.warehouse import segment_sights
    from pulse_runner.detect.forecasts import trends_ahead
    from pulse_runner.report.digest import as_json, as_text, default_period, read_digest
    from pulse_runner.snapshot.history import missing_days, needs_sentences

    with pulse.warehouse() as warehouse:
        if last is None:
            found = warehouse.query(
                f"select max(snapshot_date) as day from {warehouse.table('pulse_segment_snapshots')}"
            )
            last = found[0]["day"] or pulse.today
        start = first or default_period(last)[0]
        if start > last:
            raise click.BadParameter(f"{start} is after {last}.", param_hint="--from")
        told = {
            r["segment_id"]
            for r in warehouse.query(f"select segment_id from {warehouse.table('pulse_open_incidents')}")
        }
        project = pulse.project()
        ahead = trends_ahead(warehouse, project, last, told)
        needs = needs_sentences(missing_days(warehouse, project, last))
        lacking = [gap.sentence() for gap in undelivered(warehouse, project, last)]
        seen = sight_sentences(segment_sights(warehouse, project, last))
        digest = read_digest(warehouse, start, last, ahead, needs, lacking, seen)
    click.echo(as_json(digest) if fmt == "json" else as_text(digest))
