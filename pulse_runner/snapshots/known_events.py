"""Read the seed `known_events` and say which days of which segments it covers."""

from __future__ import annotations

import numpy as np

from pulse_runner.detectors.base import Bools, Days
from pulse_runner.detectors.known_events import SCOPES, KnownEvent, excluded_by_events
from pulse_runner.errors import PulseError, WarehouseError
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse


def read_events(warehouse: Warehouse) -> list[KnownEvent]:
    """Return all known events; none where the seed was never loaded. Raises PulseError for a scope that does not exist."""
    try:
        rows = warehouse.query(
            f"select starts_on, ends_on, scope, scope_value, reason from {warehouse.table('known_events')} order by starts_on"
        )
    except WarehouseError:
        return []
    for row in rows:
        if row["scope"] not in SCOPES:
            raise PulseError(
                f"seeds/known_events.csv: scope {row['scope']!r} of the event from {row['starts_on']} is not one of {', '.join(SCOPES)}."
            )
    return [
        KnownEvent(r["starts_on"], r["ends_on"], r["scope"], r["scope_value"] or "", r["reason"] or "") for r in rows
    ]


def excluded_days(warehouse: Warehouse, project: Project, segment_ids: tuple[str, ...], days: Days) -> Bools:
    """Return (segments, days): covered by a known event."""
    events = read_events(warehouse)
    if not events:
        return np.zeros((len(segment_ids), len(days)), bool)
    entities = {s.name: s.entity for s in project.segments.values()}
    owners = {s.name: s.owner for s in project.segments.values()}
    return excluded_by_events(events, segment_ids, days, entities, owners)
