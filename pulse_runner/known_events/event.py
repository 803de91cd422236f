"""Known events: periods that are unusual for a known reason. Their days are neither tested nor learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from pulse_runner.arrays import Bools, Days

SCOPES = ("all", "entity", "segment", "owner")


@dataclass(frozen=True)
class KnownEvent:
    """One period; `scope` says whom it touches: everything, or the entity, segment or owner named by `scope_value`."""

    starts_on: date
    ends_on: date
    scope: str
    scope_value: str
    reason: str

    def touches(self, segment_id: str, entity: str, owner: str) -> bool:
        """Say whether a segment is in the scope."""
        return (
            self.scope == "all"
            or self.scope_value == {"entity": entity, "segment": segment_id, "owner": owner}[self.scope]
        )


def excluded_by_events(
    events: Iterable[KnownEvent],
    segment_ids: tuple[str, ...],
    days: Days,
    entities: Mapping[str, str],
    owners: Mapping[str, str],
) -> Bools:
    """Return (segments, days): the day lies in an event that touches the segment.

    >>> easter = KnownEvent(date(2026, 4, 3), date(2026, 4, 6), "all", "", "Easter")
    >>> days = np.arange(np.datetime64("2026-04-02"), np.datetime64("2026-04-05"))
    >>> excluded_by_events([easter], ("vip",), days, {}, {}).tolist()
    [[False, True, True]]
    """
    out = np.zeros((len(segment_ids), len(days)), bool)
    for event in events:
        inside = (days >= np.datetime64(event.starts_on)) & (days <= np.datetime64(event.ends_on))
        for i, segment in enumerate(segment_ids):
            if event.touches(segment, entities.get(segment, ""), owners.get(segment, "")):
                out[i] |= inside
    return out


def spans_of_events(
    events: Iterable[KnownEvent], segment_ids: Iterable[str], entities: Mapping[str, str], owners: Mapping[str, str]
) -> list[tuple[str, date, date]]:
    """Return (segment_id, first day, last day) of every event that touches a segment."""
    every = list(events)
    return [
        (s, e.starts_on, e.ends_on)
        for s in segment_ids
        for e in every
        if e.touches(s, entities.get(s, ""), owners.get(s, ""))
    ]


def entities_excluded_by_events(events: Iterable[KnownEvent], entities: Iterable[str], days: Days) -> Bools:
    """Return (entities, days): the day lies in an event about everything or about the entity as a whole."""
    names = list(entities)
    out = np.zeros((len(names), len(days)), bool)
    for event in events:
        inside = (days >= np.datetime64(event.starts_on)) & (days <= np.datetime64(event.ends_on))
        for i, name in enumerate(names):
            if event.scope == "all" or (event.scope == "entity" and event.scope_value == name):
                out[i] |= inside
    return out
