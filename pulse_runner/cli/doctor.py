"""`pulse doctor`: everything that a run needs, looked at in the order in which a run needs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version

import click

from pulse_runner.checks import Check
from pulse_runner.cli.context import PulseContext, format_option, pass_pulse
from pulse_runner.errors import DefinitionError, NotBuiltError, PulseError
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.ownership import SCHEMA_VERSION

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL", "off": "off "}
RUNNER_TABLES = (
    "pulse_findings",
    "pulse_incidents",
    "pulse_incident_events",
    "pulse_incident_explanations",
    "pulse_alert_deliveries",
    "pulse_silences",
    "pulse_investigations",
    "pulse_upstream_history",
    "pulse_runs",
)


@click.command("doctor")
@format_option
@pass_pulse
def doctor_command(pulse: PulseContext, fmt: str) -> None:
    """Check versions, definitions, models, connection, tables, keys and channels, and say what to fix.

    Exits with 1 when a check fails; warnings alone exit with 0.

    \b
    Example:
      pulse doctor
    """
    checks = list(run_checks(pulse))
    if fmt == "table":
        for check in checks:
            click.echo(f"{MARKS[check.status]}  {check.name}: {check.detail}")
            if check.fix:
                click.echo(f"      -> {check.fix}")
    else:
        rows = [vars(c) for c in checks]
        pulse.echo_rows(rows, ["name", "status", "detail", "fix"], fmt)
    failed = sum(c.status == "fail" for c in checks)
    if failed:
        pulse.log(f"{failed} of {len(checks)} checks failed.")
        raise SystemExit(1)


def run_checks(pulse: PulseContext) -> Iterator[Check]:
    """Yield every check; one that cannot be carried out is a failed check, not an exception."""
    yield from _guarded("versions", _versions)
    yield from _guarded("package", lambda: _package(pulse))
    yield from _guarded("definitions", lambda: _definitions(pulse))
    yield from _guarded("profile", lambda: _profile(pulse))
    try:
        with pulse.warehouse() as warehouse:
            yield Check("connection", "ok", f"{warehouse.dialect} answers")
            yield from _guarded("tables", lambda: _tables(pulse, warehouse))
            yield from _guarded("snapshots", lambda: _snapshots(pulse, warehouse))
            yield from _guarded("runs", lambda: _runs(warehouse))
            yield from _guarded("known events", lambda: _known_events(pulse, warehouse))
            yield from _guarded("alerts", lambda: _undelivered(pulse, warehouse))
    except PulseError as error:
        yield Check("connection", "fail", error.what, error.do)
    yield _model(pulse)
    yield from _guarded("channels", lambda: _channels(pulse))


def _guarded(name: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from look()
    except PulseError as error:
        yield Check(name, "fail", error.what, error.do)


def _versions() -> Iterator[Check]:
    from pulse_runner.warehouse.dbt_command import command_version, named_command

    python = ".".join(map(str, sys.version_info[:3]))
    said = f"Python {python}, dbt-core {version('dbt-core')}, pulse {version('pulse-runner')}"
    command = named_command()
    yield Check("versions", "ok", f"{said}, builds by {command_version(command)}" if command else said)


def _package(pulse: PulseContext) -> Iterator[Check]:
    from pulse_runner import __version__
    from pulse_runner.adopt.copy import read_copy
    from pulse_runner.package import COPY
    from pulse_runner.warehouse.project import package_folder, read_project

    folder = package_folder(pulse.root)
    if not (folder / "dbt_project.yml").is_file():
        fix = "`pulse init` puts it in; where packages.yml names it already, `dbt deps` does."
        yield Check("package", "fail", "the Pulse dbt package is not installed", fix)
        return
    version = str(read_project(folder).get("version"))
    copy = read_copy(pulse.root)
    if version != __version__:
        fix = (
            "Run `pulse upgrade`." if copy else "Name the runner's version as the revision in packages.yml; `dbt deps`."
        )
        yield Check("package", "fail", f"the package is {version}, the runner {__version__}", fix)
    elif copy is not None and copy.edited:
        edited = f"{len(copy.edited)} files of {COPY}/ were edited: {', '.join(copy.edited[:3])}"
        yield Check("package", "warn", edited, "An upgrade will not overwrite them. Put the edits elsewhere.")
    elif copy is not None and not copy.current:
        yield Check("package", "warn", f"{COPY}/ is not what this runner would write", "Run `pulse upgrade`.")
    else:
        yield Check("package", "ok", f"{version}, installed in {folder.relative_to(pulse.root)}")


def _definitions(pulse: PulseContext) -> Iterator[Check]:
    from pulse_runner.compile.write import pending, unlisted_entities
    from pulse_runner.pipeline import entities_hint

    try:
        project = pulse.project()
    except DefinitionError as error:
        yield Check("definitions", "fail", str(error), "Mend the lines named above.")
        return
    enabled = sum(s.enabled for s in project.segments.values())
    detail = f"{len(project.entities)} entities, {len(project.segments)} segments ({enabled} enabled)"
    if project.segments:
        yield Check("definitions", "ok", detail)
    else:
        yield Check("definitions", "warn", detail, "Write a first one: `pulse segments create`.")
    stale = pending(project, pulse.root)[0].paths
    if stale:
        yield Check("models", "fail", f"{len(stale)} stale: {', '.join(map(str, stale[:5]))}", "Run `pulse compile`.")
    else:
        yield Check("models", "ok", "as compiled from the definitions")
    missing = unlisted_entities(project, pulse.root)
    if missing:
        yield Check("entities", "fail", *entities_hint(project, missing))


def _known_events(pulse: PulseContext, warehouse: Warehouse) -> Iterator[Check]:
    from pulse_runner.known_events.read import read_events
    from pulse_runner.known_events.seed import events_path, read_known_events

    path = events_path(pulse.root)
    written = read_known_events(path) if path.is_file() else []
    loaded = read_events(warehouse)
    missing = sum(event not in loaded for event in written)
    if missing:
        fix = "Run `dbt seed --select pulse_known_events`; until then their days are tested like any other."
        yield Check("known events", "warn", f"{missing} of {len(written)} in {path.name} are not in the warehouse", fix)
    else:
        yield Check("known events", "ok", f"{len(loaded)} loaded")


def _profile(pulse: PulseContext) -> Iterator[Check]:
    from pulse_runner.warehouse.project import is_embedded, profile_name

    if is_embedded(pulse.root):
        fix = "To use your own warehouse: cp profiles.example.yml profiles.yml, and fill it in."
        yield Check("profile", "warn", "none found; an embedded DuckDB file (pulse.duckdb) is used", fix)
    else:
        yield Check("profile", "ok", f"{profile_name(pulse.root)}")


def _tables(pulse: PulseContext, warehouse: Warehouse) -> Iterator[Check]:
    from pulse_runner.adopt.landed import old_name
    from pulse_runner.adopt.tables import plan_tables
    from pulse_runner.snapshot.build import SNAPSHOT_TABLES
    from pulse_runner.warehouse.manifest import read_manifest

    plan = plan_tables(warehouse, read_manifest(pulse.root, pulse.target) or {}, pulse.project(), pulse.root)
    if plan.old:
        old = f"{len(plan.old)} of version 0.1.0 stand there: {', '.join(plan.old[:3])} and so on"
        yield Check("tables", "fail", old, "Run `pulse upgrade`, which keeps their rows.")
        return
    missing = []
    for name in (*SNAPSHOT_TABLES, *RUNNER_TABLES):
        try:
            warehouse.query(f"select 1 as found from {warehouse.table(name)} where 1 = 0")
        except NotBuiltError:
            missing.append(name)
    lost = [name for name in missing if old_name(name)]  # the others are younger than 0.1.0: the next build makes them
    if missing:
        detail = f"missing: {', '.join(missing)}" if lost else f"not built yet: {', '.join(missing)}, new since 0.1.0"
        yield Check("tables", "fail" if lost else "warn", detail, "Run `dbt build` (or `pulse run`) once.")
    elif plan.steps:
        fix = "Run `pulse upgrade`."
        yield Check("tables", "warn", f"{len(plan.steps)} are of an earlier version or have no mark of Pulse", fix)
    else:
        count = len(SNAPSHOT_TABLES) + len(RUNNER_TABLES)
        yield Check("tables", "ok", f"all {count} are there, of schema {SCHEMA_VERSION}")


def _snapshots(pulse: PulseContext, warehouse: Warehouse) -> Iterator[Check]:
    table = warehouse.table("pulse_segment_snapshots")
    found = warehouse.query(
        f"select max(snapshot_date) as last, count(distinct snapshot_date) as days from {table} where status = 'ok'"
    )[0]
    if not found["days"]:
        yield Check("snapshots", "warn", "none yet", "Run `pulse snapshot --date today`.")
        return
    age = (pulse.today - found["last"]).days
    detail = f"{found['days']} days, the last is {found['last']} ({age} days ago)"
    if age > 2:
        yield Check("snapshots", "warn", detail, "Is the schedule running? `pulse schedule` prints one.")
    else:
        yield Check("snapshots", "ok", detail)
    last = [found["last"]]
    broken = warehouse.query(
        f"select segment_id, status_reason from {table} where status = 'broken' and snapshot_date >= ? order by 1", last
    )
    for row in broken:
        yield Check(f"segment {row['segment_id']}", "fail", row["status_reason"], "Mend the column or the rule.")
    yield from _refused(warehouse, found["last"])
    yield from _history(pulse, warehouse, found["last"])


def _refused(warehouse: Warehouse, last: date) -> Iterator[Check]:
    """Name the attributes that are not watched because their values look like people."""
    from pulse_runner.segments.people import REFUSED

    rows = warehouse.query(
        f"select distinct s.entity, d.attribute from {warehouse.table('pulse_segment_distributions')} as d"
        f" join {warehouse.table('pulse_segments')} as s on s.segment_id = d.segment_id and s.valid_to is null"
        " where d.snapshot_date = ? and d.bucket = ? order by 1, 2",
        [last, REFUSED],
    )
    for row in rows:
        yield Check(
            f"attribute {row['attribute']}",
            "warn",
            f"not watched: its values in {row['entity']} look like people",
            "Say `values: hidden` or `values: shown` at the attribute, or take it out (docs/segments.md).",
        )


def _history(pulse: PulseContext, warehouse: Warehouse, last: date) -> Iterator[Check]:
    from pulse_runner.pipeline import relations
    from pulse_runner.snapshot.history import backfills, missing_days, needs_sentences

    project = pulse.project()
    needs = needs_sentences(missing_days(warehouse, project, last))
    if not needs:
        yield Check("history", "ok", "every segment has the days that detectors need")
        return
    offers = backfills(warehouse, project, last, relations(project, pulse.root))
    fix = " and ".join(f"`{offer.command}`" for offer in offers)
    yield Check("history", "warn", "; ".join(needs), f"Run {fix}." if fix else "Each daily run adds one.")


def _runs(warehouse: Warehouse) -> Iterator[Check]:
    rows = warehouse.query(
        f"select stage, outcome, started_at, message from {warehouse.table('pulse_runs')}"
        " where stage not in ('lease', 'listen', 'asked') order by started_at desc limit 1"
    )
    if rows and rows[0]["outcome"] == "failed":
        last = rows[0]
        yield Check("runs", "warn", f"the last one, {last['stage']} at {last['started_at']}, failed: {last['message']}")
    elif rows:
        yield Check("runs", "ok", f"the last one, {rows[0]['stage']}, started at {rows[0]['started_at']} UTC")


def _undelivered(pulse: PulseContext, warehouse: Warehouse) -> Iterator[Check]:
    from pulse_runner.alert.undelivered import undelivered

    gaps = undelivered(warehouse, pulse.project(), pulse.today)
    for gap in gaps:
        fix = f"`pulse alert --test {gap.address.route}` tries the target; `pulse alert --retry` sends what is missing."
        yield Check("undelivered alerts", "fail", gap.sentence(), fix)
    if not gaps:
        yield Check("alerts", "ok", "everything that is due has arrived")


def _model(pulse: PulseContext) -> Check:
    if pulse.env.get("PULSE_LLM", "").lower() == "off":
        return Check("OpenAI", "off", "PULSE_LLM=off: explanations come from rules")
    if pulse.env.get("OPENAI_API_KEY"):
        return Check("OpenAI", "ok", "OPENAI_API_KEY is set (not tried: a check costs nothing)")
    return Check("OpenAI", "off", "OPENAI_API_KEY is not set: explanations come from rules")


def _channels(pulse: PulseContext) -> Iterator[Check]:
    from pulse_runner.alert.readiness import check_channels

    yield from check_channels(pulse.project(), pulse.env)
