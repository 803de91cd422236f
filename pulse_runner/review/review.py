"""A review: what was edited, what it does to the counts, and what would have fired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pulse_runner.errors import unknown_segment
from pulse_runner.review.base import Base, read_base
from pulse_runner.review.changes import Change, EntityChange, changes_between, entity_changes
from pulse_runner.review.count import Counts, Side, count_changes
from pulse_runner.review.fired import Fired, fired_changes
from pulse_runner.review.sides import Sources
from pulse_runner.segments.load import build_project, load_project
from pulse_runner.segments.model import Project
from pulse_runner.segments.schema import Schema
from pulse_runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class Reviewed:
    """One segment that differs, with what the warehouse says about both of its versions."""

    change: Change
    counts: Counts
    fired: Mapping[Side, Fired] = field(default_factory=dict)


@dataclass(frozen=True)
class Review:
    """All that differs from a commit."""

    base: str
    commit: str
    segments: tuple[Reviewed, ...]
    entities: tuple[EntityChange, ...]


@dataclass(frozen=True)
class Difference:
    """Two versions of the definitions, and what differs; no warehouse was asked."""

    base: Base
    before: Project
    after: Project
    changes: tuple[Change, ...]
    entities: tuple[EntityChange, ...]


def difference(root: Path, schema: Schema, ref: str, only: Sequence[str] = ()) -> Difference:
    """Return what differs between a commit and the checkout; of some segments where they are named."""
    after = load_project(root, schema)
    base = read_base(root, ref)
    before = build_project(base.texts, schema)
    for name in only:
        if name not in before.segments and name not in after.segments:
            raise unknown_segment(name, {*before.segments, *after.segments})
    changes = tuple(c for c in changes_between(before, after) if not only or c.name in only)
    return Difference(base, before, after, changes, tuple(entity_changes(before, after)))


def review(
    found: Difference, warehouse: Warehouse, root: Path, *, asked: date | None, today: date, present: date
) -> Review:
    """Return the review of a difference; only aggregates are read, and nothing is written."""
    sources = Sources(warehouse, found.before, found.after, root, asked, today, present)
    counts = count_changes(sources, found.changes)
    fired = fired_changes(sources, [c for c in found.changes if _is_judged_anew(c)])
    segments = tuple(
        Reviewed(c, counts[c.name], {side: f for (name, side), f in fired.items() if name == c.name})
        for c in found.changes
    )
    return Review(found.base.name, found.base.commit, segments, found.entities)


def _is_judged_anew(change: Change) -> bool:
    """Say whether detectors may say something else: for other members, other thresholds, or a switch."""
    return change.moves_members or any(s.name.startswith(("thresholds.", "enabled")) for s in change.settings)
