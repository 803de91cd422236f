"""Read what a digest says, and write it as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from pulse_runner.explain.store import StoredExplanation, latest_explanations
from pulse_runner.incidents.store import incident_of
from pulse_runner.snapshot.read import latest_snapshots, size_series
from pulse_runner.vocabulary import ACTIVE, Severity, Status, severity_rank, sparkline
from pulse_runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class SegmentLine:
    """One segment over the period; `change` is relative to the first known size of the last seven days, None when unknown."""

    segment_id: str
    owner: str
    size: int | None
    change_7d: float | None
    sizes: tuple[int | None, ...]
    status: str
    status_reason: str


@dataclass(frozen=True)
class IncidentLine:
    """One incident that was open at some time of the period, with its latest explanation's headline."""

    incident_id: str
    incident: str
    segment_id: str
    detector: str
    status: Status
    severity: Severity
    started_on: date
    resolved_on: date | None
    title: str
    cause: str


@dataclass(frozen=True)
class Digest:
    """The digest of `first` to `last`; segments by name, incidents by severity, open ones first.

    `needs` says which segments cannot be judged yet, and for how many days; `undelivered` says which targets alerts have not reached.
    `sights` says what changes would be found.
    """

    first: date
    last: date
    segments: tuple[SegmentLine, ...]
    incidents: tuple[IncidentLine, ...]
    warnings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    undelivered: tuple[str, ...] = ()
    sights: tuple[str, ...] = ()


def read_digest(
    warehouse: Warehouse,
    first: date,
    last: date,
    warnings: Sequence[str] = (),
    needs: Sequence[str] = (),
    undelivered: Sequence[str] = (),
    sights: Sequence[str] = (),
) -> Digest:
    """Return the digest of a period from the tables.

    `warnings` are sentences about what is on its way, `undelivered` about targets that alerts have not reached, `sights` about
    what segments can see.
    """
    owners = {
        r["segment_id"]: r["owner"]
        for r in warehouse.query(
            f"select segment_id, owner from {warehouse.table('pulse_segments')} where valid_to is null"
        )
    }
    sizes = size_series(warehouse, first, last)
    lines = []
    # the day before counts too: what a table shows today is a day ahead of what others know of yesterday
    for row in latest_snapshots(warehouse, max(first, last - timedelta(days=1)), last):
        series = sizes.get(row["segment_id"], [])
        week_ago = series[-8] if len(series) >= 8 else None
        size = row["size"]
        lines.append(
            SegmentLine(
                segment_id=row["segment_id"],
                owner=owners.get(row["segment_id"]) or "",
                size=size,
                change_7d=(size - week_ago) / week_ago if size is not None and week_ago else None,
                sizes=tuple(series),
                status=row["status"],
                status_reason=row["status_reason"] or "",
            )
        )
    return Digest(
        first,
        last,
        tuple(lines),
        tuple(_incidents(warehouse, first, last)),
        tuple(warnings),
        tuple(needs),
        tuple(undelivered),
        tuple(sights),
    )


def _incidents(warehouse: Warehouse, first: date, last: date) -> list[IncidentLine]:
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_incidents')}"
        " where started_on <= ? and (resolved_on is null or resolved_on >= ?)",
        [last, first],
    )
    found = [incident_of(row) for row in rows]
    told = latest_explanations(warehouse, [i.incident_id for i in found])
    lines = [
        IncidentLine(
            incident_id=i.incident_id,
            incident=i.name,
            segment_id=i.segment_id or i.entity,
            detector=i.detector,
            status=i.status,
            severity=i.severity,
            started_on=i.started_on,
            resolved_on=i.resolved_on,
            title=i.title,
            cause=_first_cause(told.get(i.incident_id)),
        )
        for i in found
    ]
    return sorted(lines, key=lambda i: (i.status not in ACTIVE, -severity_rank(i.severity), i.started_on, i.segment_id))


def _first_cause(stored: StoredExplanation | None) -> str:
    return stored.explanation.hypotheses[0].title if stored and stored.explanation.hypotheses else ""


def as_text(digest: Digest) -> str:
    """Return the digest as text for a terminal or a mail."""
    out = [f"Pulse, {digest.first} to {digest.last}", ""]
    out += ["Segments (last 30 days)", *_segment_lines(digest.segments)]
    out += ["", "Incidents", *(_incident_lines(digest.incidents) or ["  none"])]
    if digest.undelivered:
        out += ["", "Alerts that have not arrived", *(f"  {u}" for u in digest.undelivered)]
    if digest.needs:
        out += ["", "Too little history", *(f"  {n}" for n in digest.needs)]
    if digest.warnings:
        out += ["", "On their way", *(f"  {w}" for w in digest.warnings)]
    if digest.sights:
        out += ["", "What would be found with 80 % chance", *(f"  {s}" for s in digest.sights)]
    return "\n".join(out)


def as_json(digest: Digest) -> str:
    """Return the digest as a JSON object."""
    return json.dumps(asdict(digest), indent=2, default=str, ensure_ascii=False)


def _segment_lines(segments: Sequence[SegmentLine]) -> list[str]:
    width = max((len(s.segment_id) for s in segments), default=0)
    lines = []
    for s in segments:
        size = "-" if s.size is None else f"{s.size:,}"
        change = "" if s.change_7d is None else f"{s.change_7d:+.1%}"
        note = "" if s.status == "ok" else f"  {s.status}: {s.status_reason}"
        lines.append(f"  {s.segment_id:<{width}}  {size:>9}  {change:>7} in 7 d  {sparkline(s.sizes, 30)}{note}")
    return lines


def _incident_lines(incidents: Sequence[IncidentLine]) -> list[str]:
    lines = []
    for i in incidents:
        until = f" to {i.resolved_on}" if i.resolved_on else ""
        lines.append(f"  {i.severity:<8} {i.status:<12} {i.segment_id}: {i.title}")
        lines.append(f"           since {i.started_on}{until}, {i.detector}, {i.incident}")
        if i.cause:
            lines.append(f"           cause: {i.cause}")
    return lines
