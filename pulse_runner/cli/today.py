"""`pulse` alone: what is going on today, and what to do next. It reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import click

from pulse_runner.cli.context import PulseContext
from pulse_runner.cli.terminal import hanging, painted, width
from pulse_runner.errors import NotBuiltError, UsageError
from pulse_runner.vocabulary import day_month, long_day, plural

if TYPE_CHECKING:
    from pulse_runner.report.attention import Notice
    from pulse_runner.segments.model import Project

SIGNS = {"critical": "◆", "high": "▲", "medium": "■", "low": "●"}
MOST = 5  # things that are told in full
Steps = Sequence[tuple[str, str]]
HELP = ("pulse --help", "all commands")


def today(pulse: PulseContext) -> None:
    """Print what needs attention, the worst first, and the commands that come next."""
    from pulse_runner.warehouse.manifest import read_manifest

    try:
        root = pulse.root
    except UsageError:
        click.echo("Pulse watches audience segments in your warehouse and tells their owners when one breaks.\n")
        click.echo("There is no dbt project in this folder or above it.")
        _next([("pulse demo", "a shop with four broken segments, from seeds to alerts"),
               ("pulse init", "put Pulse into a dbt project, or make a new one"), HELP])  # fmt: skip
        return
    project = pulse.project()
    if not project.segments:
        click.echo(f"{root.name}: no segments yet.")
        _next([("pulse init", "find a relation to watch, and write a first segment"),
               ("pulse segments create", "write a segment"), HELP])  # fmt: skip
        return
    try:
        if read_manifest(root) is None:
            raise NotBuiltError("dbt has not parsed the project yet.")
        last = _say(pulse, project)
    except NotBuiltError:
        last = None
    if last is None:
        click.echo(f"{root.name}: {plural(len(project.segments), 'segment')}, and no snapshot of any yet.")
        _next(
            [
                ("pulse doctor", "check everything that a run needs"),
                ("pulse run --yes", "snapshots, incidents, alerts"),
                HELP,
            ]
        )


def _say(pulse: PulseContext, project: Project) -> date | None:
    """Print what there is to see; return the date of the newest snapshots, None where there are none."""
    from pulse_runner.report.attention import notices
    from pulse_runner.snapshot.read import latest_snapshots

    with pulse.warehouse() as warehouse:
        found = [r for r in latest_snapshots(warehouse) if r["segment_id"] in project.segments]
        last: date | None = max((r["snapshot_date"] for r in found), default=None)
        if last is None:
            return None
        told = notices(warehouse, project, last, pulse.today)
    urgent, other = [n for n in told if n.severity], [n for n in told if not n.severity]
    enabled = [s for s in project.segments.values() if s.enabled]
    loud = {n.segment_id for n in told if n.segment_id and not n.sentence.startswith("On its way")}
    calm = sum(s.name not in loud for s in enabled)
    head = (
        f"{plural(len(urgent), 'thing')} {'needs' if len(urgent) == 1 else 'need'} attention"
        if urgent
        else "nothing needs attention"
    )
    click.echo(f"{last:%A}, {long_day(last)}: {head}; {calm} of {plural(len(enabled), 'segment')} as expected.")
    for notice in urgent[:MOST]:
        _tell(notice)
    if urgent[MOST:]:
        click.echo(f"\n… {len(urgent) - MOST} more: `pulse incidents list`")
    if other:
        click.echo("\nAlso worth a look")
        for notice in other[:MOST]:
            step = f" `{notice.step}`" if notice.step else ""
            click.echo(hanging("  ", notice.sentence + step, width()))
        if other[MOST:]:
            click.echo(f"  … {len(other) - MOST} more: `pulse report --format text`")
    _next(_steps(urgent))
    return last


def _tell(notice: Notice) -> None:
    severity = notice.severity
    label = f"{SIGNS.get(severity, ' ')} {severity:<8}  "
    click.echo("")
    click.echo(hanging(label, notice.sentence, width()).replace(label, painted(label, severity), 1))
    indent = " " * len(label)
    if notice.cause:
        click.echo(hanging(f"{indent}cause: ", notice.cause, width()))
    if notice.step:
        click.echo(hanging(f"{indent}first: ", notice.step, width()))
    since = f", {notice.status} since {day_month(notice.since)}" if notice.since else ""
    more = f", with {', '.join(notice.others)} of the same cause" if notice.others else ""
    click.echo(hanging(indent, f"{notice.incident}{since}, {notice.owner or 'no owner'}{more}", width()))


def _steps(urgent: Sequence[Notice]) -> Steps:
    about: Steps = ()
    if urgent:
        worst = urgent[0].incident
        about = (
            (f"pulse incidents show {worst}", "all about the worst one"),
            (f"pulse incidents acknowledge {worst}", "say that you are at it"),
        )
    return (*about, ("pulse report", "one page with everything, to look at and to share"), HELP)


def _next(steps: Steps) -> None:
    wide = max(len(command) for command, _ in steps)
    click.echo("\nNext")
    for command, what in steps:
        click.echo(f"  {command:<{wide}}  {what}")
