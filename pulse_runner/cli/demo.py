"""`pulse demo`: the whole line on the demo shop."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import click

from pulse_runner.cli.context import PulseContext, pass_pulse
from pulse_runner.errors import UsageError, WarehouseError


@click.command("demo")
@pass_pulse
def demo_command(pulse: PulseContext) -> None:
    """Run the demo shop: seeds, three months of snapshots, incidents, explanations and the alerts it would send.

    Nothing is sent anywhere, whatever keys are set. Running it again is safe: days that are complete are passed over.

    \b
    Example:
      pulse demo
    """
    from pulse_runner.alert.stage import run_alerts
    from pulse_runner.cli.progress import progress
    from pulse_runner.compile.write import write_models
    from pulse_runner.demo.plan import FIRST_DAY, LAST_DAY
    from pulse_runner.detect.stage import detect
    from pulse_runner.explain.stage import explain_incidents
    from pulse_runner.report.digest import as_text, read_digest
    from pulse_runner.segments.load import load_project
    from pulse_runner.snapshot.build import build_snapshots
    from pulse_runner.warehouse.runs import recorded, recorded_build

    if not (pulse.root / "seeds" / "demo_customers.csv").is_file():
        raise UsageError(
            "This project has no demo shop (seeds/demo_customers.csv). Run `make demo` in Pulse's own repository; "
            "for your own data, `pulse run` is the command."
        )
    clock = time.monotonic()
    project = load_project(pulse.root)
    changes = write_models(project, pulse.root)
    pulse.log(f"compile    {len(project.segments)} segments, {len(changes.written)} files written")
    with progress("dbt build") as show, recorded_build(pulse.warehouse, FIRST_DAY, LAST_DAY, pulse.now) as run:
        result = build_snapshots(
            pulse.root,
            FIRST_DAY,
            LAST_DAY,
            target=pulse.target,
            everything=True,
            resume=True,
            on_progress=show,
            counts=run.counts,
        )
        if result.failures:
            lines = "\n".join(f"  {f.node} ({f.status}): {f.message}" for f in result.failures)
            raise WarehouseError(f"dbt build did not pass:\n{lines}")
    pulse.log(f"dbt build  {', '.join(f'{n} {status}' for status, n in sorted(result.counts.items()))}")
    # the demo's clock stands still, so that every run of it tells the same story
    now = datetime.combine(LAST_DAY + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=6, minutes=30)
    messages: list[str] = []
    with pulse.warehouse() as warehouse:
        with recorded(warehouse, "detect", FIRST_DAY, LAST_DAY, pulse.now) as run:
            found = detect(warehouse, project, FIRST_DAY, LAST_DAY, now=now)
            run.counts.update(found.counts)
        pulse.log(f"detect     {found.sentence()}")
        with recorded(warehouse, "explain", LAST_DAY, LAST_DAY, pulse.now) as run:
            written = explain_incidents(warehouse, project, LAST_DAY, now, pulse.env, root=pulse.root)
            run.counts["explanations"] = len(written)
        pulse.log(f"explain    {len(written)} new explanations")
        told = run_alerts(warehouse, project, LAST_DAY, now, {}, out=messages.append)
        pulse.log(f"alert      {told.sentence()}")
        digest = read_digest(warehouse, FIRST_DAY, LAST_DAY)
        where = warehouse.table("pulse_segment_snapshots")
        dialect = warehouse.dialect
    if messages:
        click.echo("The alerts that it would send (no channel is set up):\n")
        click.echo("\n\n".join(messages))
        click.echo("")
    click.echo(as_text(digest))
    click.echo(
        f"\nTables: {where} and its neighbours ({dialect}{', in pulse.duckdb' if dialect == 'duckdb' else ''}).\n"
        f"Took {time.monotonic() - clock:.0f} seconds.\n\nNext:\n"
        "  pulse incidents list                             what is open\n"
        "  pulse explain --evidence                         why, with the SQL of every number\n"
        "  pulse segments preview high_value_active_users   a rule, condition by condition\n"
        "  pulse snapshots show students                    the days of a segment\n"
        "  pulse backtest --from 2026-03-01 --to 2026-05-31 what you would have been told\n"
        "  docs/demo.md                                     which faults were planted, and when"
    )
