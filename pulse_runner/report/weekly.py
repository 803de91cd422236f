"""The digest of a week for people who read mail and chats: what needs attention, how sizes moved, which incidents began and ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from pulse_runner.alert.message import AlertMessage, Section, clean
from pulse_runner.alert.post import Post
from pulse_runner.alert.routing import DEFAULT_ROUTE, Address, distinct
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.store import list_incidents
from pulse_runner.report.attention import Notice, Scope, in_scope, notices
from pulse_runner.report.page import signed
from pulse_runner.segments.model import Project, Segment
from pulse_runner.snapshot.read import size_series
from pulse_runner.vocabulary import ACTIVE, Severity, count, long_day, plural, severity_rank
from pulse_runner.warehouse.base import Warehouse

CHANNELS = ("email", "slack", "teams", "console")  # that people read; a pager and a workflow are for incidents
MOST_NOTICES, MOST_SEGMENTS, MOST_OTHER = 10, 40, 5
Sizes = Mapping[str, Sequence[int | None]]


def week_of(day: date) -> str:
    """Return the week that a day is in, as ISO 8601 writes it.

    >>> week_of(date(2026, 5, 31))
    'week 2026-W22'
    """
    year, week, _ = day.isocalendar()
    return f"week {year}-W{week:02d}"


def weekly_posts(
    warehouse: Warehouse, project: Project, last: date, today: date, now: datetime, scope: Scope, report_url: str
) -> list[Post]:
    """Return one message per target of the routes that segments name, about these segments, for the week of `last`."""
    sizes = size_series(warehouse, last - timedelta(days=7), last)
    every = list_incidents(warehouse)
    out = []
    for address, names in readers(project, scope):
        own = Scope(segments=names)
        told = notices(warehouse, project, last, today, own)
        incidents = [i for i in every if in_scope(i, project, own)]
        segments = [project.segments[n] for n in sorted(names)]
        message = _message(segments, told, incidents, sizes, last, now, report_url)
        out.append(Post(address, message, week_of(last)))
    return out


def readers(project: Project, scope: Scope) -> list[tuple[Address, frozenset[str]]]:
    """Return each target for people once, with the segments whose routes lead to it; one without a route leads to `default`."""
    found: dict[tuple[str, str], tuple[Address, set[str]]] = {}
    for segment in project.segments.values():
        if not segment.enabled or not scope.takes(segment.name, segment.owner):
            continue
        routes = [r for r in segment.alerts or (DEFAULT_ROUTE,) if r in project.routes]
        for address in distinct(project, routes):
            if address.channel in CHANNELS:
                found.setdefault(address.key[1:], (address, set()))[1].add(segment.name)
    return [(address, frozenset(names)) for address, names in found.values()]


def _message(
    segments: Sequence[Segment], told: Sequence[Notice], incidents: Sequence[Incident], sizes: Sizes, last: date,
    now: datetime, report_url: str,
) -> AlertMessage:  # fmt: skip
    urgent, other = [n for n in told if n.severity], [n for n in told if not n.severity]
    severities: list[Severity] = [i.severity for i in incidents if i.name in {n.incident for n in urgent}]
    calm = sum(s.name not in {n.segment_id for n in urgent} for s in segments)
    head = (
        f"{plural(len(urgent), 'thing')} need{'s' if len(urgent) == 1 else ''} attention" if urgent else "all is calm"
    )
    sections = [
        Section("Needs attention", tuple(_urgent(urgent)) or ("Nothing.",), "bullets", first=True),
        Section("Incidents of the week", (_incidents(incidents, last),)),
        Section("Sizes, and their change in a week", tuple(_sizes(segments, sizes)), "bullets"),
        Section("Look closer", ("pulse report", "pulse incidents list"), "code", keep=True),
    ]
    if other:
        sections.insert(
            3, Section("Also worth a look", tuple(clean(n.sentence) for n in other[:MOST_OTHER]), "bullets")
        )
    return AlertMessage(
        kind="weekly",
        severity=max(severities, key=severity_rank, default="low"),
        headline=f"Your segments in the week to {long_day(last)}: {head}, {calm} of {len(segments)} as expected",
        sections=tuple(sections),
        footer=f"The digest of {week_of(last)}, once to each target. Only aggregates.",
        day=last,
        at=now,
        report_url=report_url.split("#")[0].replace("{incident}", ""),
    )


def _urgent(urgent: Sequence[Notice]) -> list[str]:
    lines = [
        clean(f"{n.severity}: {n.sentence}{f'. Cause: {n.cause}' if n.cause else ''}") for n in urgent[:MOST_NOTICES]
    ]
    more = len(urgent) - MOST_NOTICES
    return [*lines, f"… {more} more"] if more > 0 else lines


def _incidents(incidents: Sequence[Incident], last: date) -> str:
    since = last - timedelta(days=6)
    began = sum(since <= i.started_on <= last for i in incidents)
    ended = sum(i.resolved_on is not None and since <= i.resolved_on <= last for i in incidents)
    still = sum(i.status in ACTIVE for i in incidents)
    return f"{began} began, {ended} ended, {still} are open."


def _sizes(segments: Sequence[Segment], sizes: Sizes) -> list[str]:
    """Return a line per segment, those that moved most first."""
    lines = []
    for segment in segments:
        known = sizes.get(segment.name, ())
        now, before = (known[-1], known[0]) if known else (None, None)
        moved = None if now is None or not before else now / before - 1
        size = "no numbers" if now is None else count(now)
        change = f", {signed(moved)}" if moved is not None else ""
        lines.append((-abs(moved or 0), clean(f"{segment.label or segment.name}: {size}{change}")))
    told = [line for _, line in sorted(lines)][:MOST_SEGMENTS]
    return [*told, f"… {len(lines) - MOST_SEGMENTS} more"] if len(lines) > MOST_SEGMENTS else told
