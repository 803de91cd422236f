"""`pulse demo`: the whole line on the demo shop."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from pulse_runner.cli.context import PulseContext, pass_pulse
from pulse_runner.errors import UsageError, WarehouseError

FOLDER = "pulse-demo"


@click.command("demo")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@pass_pulse
def demo_command(pulse: PulseContext, folder: Path | None) -> None:
    """Write the demo shop into a folder and run it: seeds, three months of snapshots, incidents, explanations, alerts.

    FOLDER is pulse-demo when left out, or this project when it is the demo already. Nothing is sent anywhere, whatever
    keys are set. Running it again is safe: days that are complete are passed over.

    \b
    Example:
      pulse demo
      pulse demo /tmp/shop
    """
    from pulse_runner.warehouse.project import embed_unless_named

    demo = replace(pulse, start=demo_project(pulse, folder))
    embed_unless_named(demo.root)
    clock = time.monotonic()
    build(demo)
    tell(demo, clock)


def demo_project(pulse: PulseContext, folder: Path | None) -> Path:
    """Return the folder of the demo project, written where it is not there yet; raise UsageError where another project is."""
    from pulse_runner.package import demo_files, demo_root
    from pulse_runner.warehouse.project import read_project

    here = demo_root()
    if folder is None and (pulse.start / "dbt_project.yml").is_file():
        folder = pulse.start
    root = (folder or pulse.start / FOLDER).resolve()
    if root == here.resolve():
        return root
    if (root / "dbt_project.yml").is_file():
        if read_project(root).get("name") != "demo_shop":
            raise UsageError(f"{root} holds another dbt project. Name a new folder: `pulse demo FOLDER`.")
        return root
    for path, text in demo_files().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    pulse.log(f"demo       written to {root}")
    return root


def days_of(pulse: PulseContext) -> tuple[date, date]:
    """Return the first and last snapshot date of the demo, as its dbt_project.yml says."""
    from pulse_runner.warehouse.project import project_vars

    declared = project_vars(pulse.root)
    return date.fromisoformat(declared["demo_first_day"]), date.fromisoformat(declared["demo_last_day"])


def build(pulse: PulseContext) -> None:
    """Install the package, compile the definitions and build everything; raise WarehouseError when a node fails."""
    from pulse_runner.cli.progress import progress
    from pulse_runner.compile.write import write_models
    from pulse_runner.snapshot.build import build_snapshots
    from pulse_runner.warehouse.dbt import install_packages
    from pulse_runner.warehouse.runs import recorded_build

    first, last = days_of(pulse)
    project = pulse.project()
    changes = write_models(project, pulse.root)
    pulse.log(f"compile    {len(project.segments)} segments, {len(changes.written)} files written")
    install_packages(pulse.root)
    with progress("dbt build") as show, recorded_build(pulse.warehouse, first, last, pulse.now) as run:
        result = build_snapshots(
            pulse.root, first, last, project.entities, present=pulse.present, target=pulse.target, everything=True,
            resume=True, on_progress=show, counts=run.counts,
        )  # fmt: skip
        if result.failures:
            lines = "\n".join(f"  {f.node} ({f.status}): {f.message}" for f in result.failures)
            raise WarehouseError(f"dbt build did not pass:\n{lines}")
    pulse.log(f"dbt build  {', '.join(f'{n} {status}' for status, n in sorted(result.counts.items()))}")


def tell(pulse: PulseContext, clock: float) -> None:
    """Detect, explain and alert as the runner does on the last day, and print what there is to see."""
    from pulse_runner.alert.stage import run_alerts
    from pulse_runner.explain.stage import explain_incidents
    from pulse_runner.incidents.stage import detect
    from pulse_runner.report.digest import as_text, read_digest
    from pulse_runner.warehouse.runs import recorded

    first, last = days_of(pulse)
    project = pulse.project()
    # the demo's clock stands still, so that every run of it tells the same story
    now = datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=6, minutes=30)
    messages: list[str] = []
    with pulse.warehouse() as warehouse:
        with recorded(warehouse, "detect", first, last, pulse.now) as run:
            found = detect(warehouse, project, first, last, now=now)
            run.counts.update(found.counts)
        pulse.log(f"detect     {found.sentence()}")
        with recorded(warehouse, "explain", last, last, pulse.now) as run:
            written = explain_incidents(warehouse, project, last, now, pulse.env, root=pulse.root)
            run.counts["explanations"] = len(written)
        pulse.log(f"explain    {len(written)} new explanations")
        told = run_alerts(warehouse, project, last, now, {}, out=messages.append)
        pulse.log(f"alert      {told.sentence()}")
        digest = read_digest(warehouse, first, last)
        where = warehouse.table("pulse_segment_snapshots")
        dialect = warehouse.dialect
    if messages:
        click.echo("The alerts that it would send (no channel is set up):\n")
        click.echo("\n\n".join(messages))
        click.echo("")
    click.echo(as_text(digest))
    click.echo(
        f"\nTables: {where} and its neighbours ({dialect}{', in pulse.duckdb' if dialect == 'duckdb' else ''}).\n"
        f"Took {time.monotonic() - clock:.0f} seconds.\n\nNext, in {pulse.root.name}/:\n"
        "  pulse incidents list                             what is open\n"
        "  pulse explain --evidence                         why, with the SQL of every number\n"
        "  pulse segments preview high_value_active_users   a rule, condition by condition\n"
        "  pulse snapshots show students                    the days of a segment\n"
        "  pulse backtest --from 2026-03-01 --to 2026-05-31 what you would have been told\n"
        "  generator/plan.py                                which faults were planted, and when"
    )
