"""Read the seed `known_events` and say which days of which segments it covers."""

from __future__ import annotations

from datetime import date

from pulse_runner.arrays import Bools, Days
from pulse_runner.errors import NotBuiltError, PulseError
from pulse_runner.known_events.event import (
    SCOPES,
    KnownEvent,
    excluded_by_events,
    spans_of_events,
)
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse


def read_events(warehouse: Warehouse) -> list[KnownEvent]:
    """Return all known events; none where the seed was never loaded. Raises PulseError for a scope that does not exist."""
    try:
        rows = warehouse.query(
            f"select starts_on, ends_on, scope, scope_value, reason from {warehouse.table('pulse_known_events')} order by starts_on"
        )
    except NotBuiltError:
        return []
    for row in rows:
        if row["scope"] not in SCOPES:
            raise PulseError(
                f"seeds/pulse_known_events.csv: scope {row['scope']!r} of the event"
                f" from {row['starts_on']} is not one of {', '.join(SCOPES)}."
            )
    return [
        KnownEvent(r["starts_on"], r["ends_on"], r["scope"], r["scope_value"] or "", r["reason"] or "") for r in rows
    ]


def excluded_days(events: list[KnownEvent], project: Project, segment_ids: tuple[str, ...], days: Days) -> Bools:
    """Return (segments, days): covered by a known event."""
    return excluded_by_events(events, segment_ids, days, *_about(project))


def excluded_spans(
    events: list[KnownEvent], project: Project, segment_ids: tuple[str, ...]
) -> list[tuple[str, date, date]]:
    """Return (segment_id, first day, last day) of the known events."""
    return spans_of_events(events, segment_ids, *_about(project))


def _about(project: Project) -> tuple[dict[str, str], dict[str, str]]:
    segments = project.segments.values()
    return {s.name: s.entity for s in segments}, {s.name: s.owner for s in segments}
