"""How many days of snapshots the detectors still need, and which earlier days a relation could give them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from pulse_runner.compile.sql import readable
from pulse_runner.detectors import Settings
from pulse_runner.errors import WarehouseError
from pulse_runner.segments.model import Entity, Project
from pulse_runner.vocabulary import plural
from pulse_runner.warehouse.base import Warehouse

NEEDED_DAYS = Settings().min_history
USEFUL_DAYS = 56  # eight of each weekday: what baselines look back on


@dataclass(frozen=True)
class Backfill:
    """Earlier dates of an entity that can be made snapshots: `days` of them have rows, from `first` to `last`."""

    entity: str
    first: date
    last: date
    days: int

    @property
    def command(self) -> str:
        """Return the command that makes them."""
        return f"pulse snapshot --from {self.first} --to {self.last} --resume"


def missing_days(warehouse: Warehouse, project: Project, last: date) -> dict[str, int]:
    """Return how many more good days before `last` each enabled segment needs until a change of it can be told; no zeros."""
    good = _counts(warehouse, last, "and status = 'ok'")
    enabled = sorted(s.name for s in project.segments.values() if s.enabled)
    return {s: NEEDED_DAYS - good.get(s, 0) for s in enabled if good.get(s, 0) < NEEDED_DAYS}


def needs_sentences(missing: Mapping[str, int]) -> list[str]:
    """Say who needs how many days, the longest wait first.

    >>> needs_sentences({"vip": 8, "new": 8, "old": 1})
    ['new, vip need 8 more days of snapshots before a change can be told', 'old needs 1 more day of snapshots before a change can be told']
    """
    out = []
    for days in sorted(set(missing.values()), reverse=True):
        names = sorted(s for s, n in missing.items() if n == days)
        told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        verb = "needs" if len(names) == 1 else "need"
        out.append(f"{told} {verb} {plural(days, 'more day')} of snapshots before a change can be told")
    return out


def backfills(warehouse: Warehouse, project: Project, last: date, relations: Mapping[str, str]) -> list[Backfill]:
    """Return, per entity with segments that need days before `last`, the earlier dates that it has and that were never built.

    `relations` says how SQL names the relation of each entity. One that cannot be read has nothing to offer.
    """
    missing, tried = missing_days(warehouse, project, last), _counts(warehouse, last, "")
    out = []
    for name, entity in sorted(project.entities.items()):
        waiting = [s for s in missing if project.segments[s].entity == name]
        if not waiting or entity.history.kind == "none" or name not in relations:
            continue
        with suppress(WarehouseError):
            found = _remembered(warehouse, entity, readable(relations[name], entity, warehouse.dialect), last)
            if found is not None and min(tried.get(s, 0) for s in waiting) < found.days:
                out.append(found)
    return out


def _counts(warehouse: Warehouse, last: date, condition: str) -> dict[str, int]:
    rows = warehouse.query(
        f"select segment_id, count(*) as days from {warehouse.table('pulse_segment_snapshots')}"
        f" where snapshot_date >= ? and snapshot_date < ? {condition} group by segment_id",
        [last - timedelta(days=USEFUL_DAYS), last],
    )
    return {r["segment_id"]: int(r["days"]) for r in rows}


def _remembered(warehouse: Warehouse, entity: Entity, relation: str, last: date) -> Backfill | None:
    """Return the dates before `last` that a relation has rows of, of the last USEFUL_DAYS."""
    h, oldest, newest = entity.history, last - timedelta(days=USEFUL_DAYS), last - timedelta(days=1)
    if h.kind == "as_of":
        row = warehouse.query(
            f"select min(cast({h.as_of} as date)) as first, count(distinct cast({h.as_of} as date)) as days"
            f" from {relation} as given where {h.as_of} >= cast(? as date) and {h.as_of} < cast(? as date)",
            [oldest, last],
        )[0]
        return Backfill(entity.name, row["first"], newest, int(row["days"])) if row["first"] else None
    row = warehouse.query(f"select min(cast({h.valid_from} as date)) as first from {relation} as given")[0]
    if row["first"] is None or row["first"] > newest:
        return None
    first = max(row["first"], oldest)
    return Backfill(entity.name, first, newest, (newest - first).days + 1)
