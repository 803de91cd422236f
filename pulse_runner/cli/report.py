"""`pulse report`: the page that people look at, or the same as text."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pulse_runner.cli.completion import complete_owners, complete_segments
from pulse_runner.cli.context import DAY, PulseContext, pass_pulse
from pulse_runner.errors import UsageError

if TYPE_CHECKING:
    from pulse_runner.report.attention import Scope
    from pulse_runner.segments.model import Project
    from pulse_runner.warehouse.base import Warehouse

FORMATS = ("html", "svg", "png", "text", "json")
PICTURES = ("svg", "png")
FILE = "pulse-report"  # in dbt's target folder, where dbt docs are too


@click.command("report")
@click.option(
    "--segment", "segments", multiple=True, shell_complete=complete_segments, help="Only this segment; repeatable."
)
@click.option(
    "--owner",
    "owners",
    multiple=True,
    shell_complete=complete_owners,
    help="Only the segments of this owner; repeatable.",
)
@click.option("--from", "first", type=DAY, help="First date; 89 days before --to when left out, 29 for text and json.")
@click.option("--to", "last", type=DAY, help="Last date; the latest snapshot when left out.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; target/pulse-report.html when left out.",
)
@click.option(
    "--format", "fmt", type=click.Choice(FORMATS),
    help="A page (html), the size of one segment as a picture (svg, png), or a digest on the screen (text, json). Known by the"
    " name of the file; html when left out.",
)  # fmt: skip
@click.option(
    "--send",
    type=click.Choice(("weekly",)),
    help="Send a digest of the week of the newest snapshots to the mail and chat targets of the segments' routes instead; each"
    " target gets a week once.",
)
@click.option("--dry-run", is_flag=True, help="With --send: print exactly what would be sent; send and write nothing.")
@pass_pulse
def report_command(
    pulse: PulseContext, segments: tuple[str, ...], owners: tuple[str, ...], first: date | None, last: date | None,
    output: Path | None, fmt: str | None, send: str | None, dry_run: bool,
) -> None:  # fmt: skip
    """Write one HTML file with everything there is to see: what needs attention, every segment, incident and source.

    The file opens from disk, needs no network, and holds aggregates only.

    \b
    Example:
      pulse report
      pulse report --owner growth-team --output growth.html
      pulse report --segment high_value_active_users --format svg
      pulse report --format text
      pulse report --send weekly
    """
    from pulse_runner.report.attention import Scope

    scope = Scope(frozenset(owners), frozenset(segments))
    if send or dry_run:
        if not send or output or fmt or first or last:
            raise UsageError(
                "--dry-run goes with --send, and --send with --owner and --segment only.", "pulse report --send weekly"
            )
        _send(pulse, scope, dry_run)
        return
    kind = fmt or _kind_of(output)
    if kind in PICTURES and len(segments) != 1:
        raise UsageError("A picture shows one segment.", f"Name it: `pulse report --segment NAME --format {kind}`.")
    if kind in ("text", "json") and (segments or owners or output):
        raise UsageError(
            f"The digest (--format {kind}) is of all segments, and is printed.",
            "Leave --segment, --owner and --output out.",
        )
    with pulse.warehouse() as warehouse:
        end = last or _newest(warehouse) or pulse.today
        start = first or date.fromordinal(end.toordinal() - (29 if kind in ("text", "json") else 89))
        if start > end:
            raise click.BadParameter(f"{start} is after {end}.", param_hint="--from")
        project = pulse.project()
        if kind in ("text", "json"):
            click.echo(_digest(warehouse, project, start, end, kind))
            return
        data, told = _file(pulse, warehouse, project, start, end, scope, kind)
    path = output or _place(pulse, segments, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    click.echo(f"{path}  {told}, {len(data) / 1e6:.1f} MB")


def _send(pulse: PulseContext, scope: Scope, dry_run: bool) -> None:
    """Send the digest of the week, and say to whom; raise UndeliveredError when it has not arrived somewhere."""
    from contextlib import nullcontext

    from pulse_runner.alert.post import send_posts
    from pulse_runner.alert.stage import report_url
    from pulse_runner.errors import UndeliveredError
    from pulse_runner.report.read import require_known
    from pulse_runner.report.weekly import weekly_posts
    from pulse_runner.warehouse.runs import recorded

    project, today = pulse.project(), pulse.today
    require_known(project, scope)
    with nullcontext() if dry_run else pulse.alone(today, "pulse report"), pulse.warehouse() as warehouse:
        last = _newest(warehouse)
        if last is None:
            raise UsageError(
                "There are no snapshots yet, so there is nothing to tell.", "`pulse run` makes the first ones."
            )
        posts = weekly_posts(warehouse, project, last, today, pulse.now, scope, report_url(pulse.env))
        if not posts:
            raise UsageError(
                "No segment has a route with a target for people: email, slack, teams or console.",
                "Name one in segments/routes.yml and under `alerts:` of a segment.",
            )
        with nullcontext() if dry_run else recorded(warehouse, "report", last, last, pulse.now) as run:
            report = send_posts(warehouse, project, posts, last, pulse.now, pulse.env, dry_run=dry_run, out=click.echo)
            if run is not None:
                run.counts.update(report.counts)
    for delivery in report.deliveries:
        pulse.log(f"{delivery.channel} via {delivery.route}: {delivery.status} ({delivery.reason})")
    for quiet in report.quiet:
        place = f"{quiet.address.channel} via {quiet.address.route}" if quiet.address else ""
        pulse.log(f"{place}: nothing, {quiet.reason}")
    if any(d.status in ("failed", "given_up") for d in report.deliveries):
        raise UndeliveredError(
            "The digest has not arrived everywhere; the reasons are above.", "The same command tries again."
        )


def _kind_of(output: Path | None) -> str:
    """Return the format that a file's name asks for; raise UsageError for one that is not made."""
    suffix = output.suffix.lower().removeprefix(".") if output else ""
    if suffix in ("", "html", "htm"):
        return "html"
    if suffix in PICTURES:
        return suffix
    raise UsageError(
        f"{output} is neither .html nor .svg nor .png.",
        "Other pictures are made from the .svg by any browser or slide program.",
    )


def _newest(warehouse: Warehouse) -> date | None:
    found = warehouse.query(f"select max(snapshot_date) as day from {warehouse.table('pulse_segment_snapshots')}")
    day: date | None = found[0]["day"]
    return day


def _place(pulse: PulseContext, segments: tuple[str, ...], kind: str) -> Path:
    from pulse_runner.warehouse.manifest import target_folder

    return target_folder(pulse.root) / (f"{FILE}-{segments[0]}.{kind}" if kind in PICTURES else f"{FILE}.html")


def _file(
    pulse: PulseContext, warehouse: Warehouse, project: Project, first: date, last: date, scope: Scope, kind: str
) -> tuple[bytes, str]:
    """Return the file, and what is in it in words."""
    from pulse_runner.compile.write import layout_of
    from pulse_runner.explain.stage import smallest_bucket
    from pulse_runner.report.page import as_html, as_svg
    from pulse_runner.report.picture import png_of
    from pulse_runner.report.read import read_report
    from pulse_runner.vocabulary import plural
    from pulse_runner.warehouse.project import read_project, time_zone

    report = read_report(
        warehouse, project, pulse.root, first, last, now=pulse.now, zone=time_zone(pulse.root),
        name=str(read_project(pulse.root).get("name") or pulse.root.name), scope=scope,
        prefix=layout_of(pulse.root).prefix, k=smallest_bucket(pulse.env),
    )  # fmt: skip
    told = f"{plural(len(report.segments), 'segment')}, {plural(len(report.incidents), 'incident')}, {first} to {last}"
    if kind == "png":
        return png_of(as_svg(report)), told
    return (as_svg(report) if kind == "svg" else as_html(report)).encode(), told


def _digest(warehouse: Warehouse, project: Project, first: date, last: date, kind: str) -> str:
    from pulse_runner.alert.undelivered import undelivered
    from pulse_runner.backtest.sight import sight_sentences
    from pulse_runner.backtest.warehouse import segment_sights
    from pulse_runner.detect.forecasts import trends_ahead
    from pulse_runner.report.digest import as_json, as_text, read_digest
    from pulse_runner.snapshot.history import missing_days, needs_sentences

    told = {
        r["segment_id"] for r in warehouse.query(f"select segment_id from {warehouse.table('pulse_open_incidents')}")
    }
    digest = read_digest(
        warehouse, first, last, trends_ahead(warehouse, project, last, told),
        needs_sentences(missing_days(warehouse, project, last)),
        [gap.sentence() for gap in undelivered(warehouse, project, last)],
        sight_sentences(segment_sights(warehouse, project, last)),
    )  # fmt: skip
    return as_json(digest) if kind == "json" else as_text(digest)
