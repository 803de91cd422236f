"""The bits: every distinct leaf of an entity's segments gets one, in words of 62."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pulse_runner.compile.ladder import ladder_key
from pulse_runner.compile.sql import resolve_segments
from pulse_runner.compile.versions import Versions, earlier
from pulse_runner.segments.model import (
    All,
    AnyOf,
    Entity,
    EventLeaf,
    FieldLeaf,
    Leaf,
    Not,
    Project,
    Rule,
    Segment,
    SqlLeaf,
)
from pulse_runner.segments.text import leaf_text

WORD = 62  # bits of a signed 64-bit integer that every warehouse can use


@dataclass(frozen=True)
class Bit:
    """One leaf with its place: `word` and `mask` (a power of two), its text and the columns that it reads."""

    leaf: Leaf
    word: int
    mask: int
    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class SegmentPlan:
    """One segment over bits: its rule without references, and the leaves that count for it and against it, per word.

    `watched` is false for an earlier version of its rule, which is judged only to tell an edit from the data.
    """

    segment: Segment
    rule: Rule
    watched: bool
    for_masks: tuple[int, ...]
    against_masks: tuple[int, ...]
    columns: tuple[str, ...]
    place: Mapping[Leaf, Bit]


@dataclass(frozen=True)
class EntityPlan:
    """All that the models of one entity are rendered from."""

    entity: Entity
    bits: tuple[Bit, ...]
    segments: tuple[SegmentPlan, ...]
    versions: tuple[SegmentPlan, ...] = ()

    @property
    def judged(self) -> tuple[SegmentPlan, ...]:
        """Return everything that has a bit in the segment words: the segments, then their earlier versions."""
        return (*self.segments, *self.versions)

    @property
    def words(self) -> int:
        """Return the number of bit words, at least one."""
        return max((b.word + 1 for b in self.bits), default=1)

    @cached_property
    def place(self) -> Mapping[Leaf, Bit]:
        """Return the bit of each leaf."""
        return {b.leaf: b for b in self.bits}

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the relation that anything uses, in the order of the entity's fields."""
        entity = self.entity
        used = {c for b in self.bits for c in b.columns}
        used |= {source_column(entity, a.field) for a in entity.attributes}
        used |= {c for c in (entity.conversion_event_at, entity.last_seen_at, entity.updated_at) if c}
        used |= {name for name in entity.fields if any(name in sql for sql in entity.reach.values())}
        return tuple(n for n, f in entity.fields.items() if n in used and f.days_since is None)

    @property
    def events(self) -> tuple[Bit, ...]:
        """Return the bits of event conditions."""
        return tuple(b for b in self.bits if isinstance(b.leaf, EventLeaf))


def plan_entity(project: Project, entity: Entity, versions: Versions | None = None) -> EntityPlan:
    """Return the plan of one entity: its enabled segments by name with their earlier rules, and the leaves of all of them."""
    rules = {s.name: s.rule for s in project.segments.values()}
    chosen = sorted(
        (s for s in project.segments.values() if s.entity == entity.name and s.enabled), key=lambda s: s.name
    )
    today = [(s, resolve_segments(s.rule, rules)) for s in chosen]
    before = [(s, rule) for s in chosen for rule in earlier(entity, s.name, versions or {})]
    bits = _bits([rule for _, rule in (*today, *before)], entity)
    place = {b.leaf: b for b in bits}
    return EntityPlan(
        entity,
        bits,
        tuple(_segment_plan(s, rule, place, watched=True) for s, rule in today),
        tuple(_segment_plan(s, rule, place, watched=False) for s, rule in before),
    )


def _bits(rules: Sequence[Rule], entity: Entity) -> tuple[Bit, ...]:
    """One bit per distinct leaf. Leaves on one column stand together, so that they share a word and one CASE in it."""
    distinct = dict.fromkeys(leaf for rule in rules for leaf, _ in signed_leaves(rule))
    places: dict[object, int] = {}
    for leaf in distinct:
        places.setdefault(ladder_key(leaf, entity) or leaf, len(places))
    ordered = sorted(distinct, key=lambda leaf: places[ladder_key(leaf, entity) or leaf])
    return tuple(
        Bit(leaf, i // WORD, 1 << (i % WORD), leaf_text(leaf), leaf_columns(leaf, entity))
        for i, leaf in enumerate(ordered)
    )


def _segment_plan(segment: Segment, rule: Rule, place: Mapping[Leaf, Bit], *, watched: bool) -> SegmentPlan:
    masks = {side: [0] * max((b.word + 1 for b in place.values()), default=1) for side in (True, False)}
    for leaf, positive in signed_leaves(rule):
        masks[positive][place[leaf].word] |= place[leaf].mask
    columns = sorted({c for leaf, _ in signed_leaves(rule) for c in place[leaf].columns})
    return SegmentPlan(segment, rule, watched, tuple(masks[True]), tuple(masks[False]), tuple(columns), place)


def signed_leaves(rule: Rule, positive: bool = True) -> Iterator[tuple[Leaf, bool]]:
    """Yield each leaf with whether its truth speaks for membership (an even number of `not` above it)."""
    if isinstance(rule, All | AnyOf):
        for part in rule.parts:
            yield from signed_leaves(part, positive)
    elif isinstance(rule, Not):
        yield from signed_leaves(rule.part, not positive)
    else:
        yield rule, positive


def leaf_columns(leaf: Leaf, entity: Entity) -> tuple[str, ...]:
    """Return the columns that a leaf reads: of the entity's relation, or `<events>.<column>`; a clock reads the column that it counts from."""
    if isinstance(leaf, FieldLeaf):
        return (source_column(entity, leaf.field),)
    if isinstance(leaf, SqlLeaf):
        return tuple(sorted({source_column(entity, f) for f in leaf.fields}))
    if isinstance(leaf, EventLeaf):
        return tuple(sorted(f"{leaf.event}.{c}" for c in event_fields(leaf, entity)))
    return ()


def event_fields(leaf: EventLeaf, entity: Entity) -> set[str]:
    """Return the columns of the events' relation that a condition reads, its key and its time among them."""
    source = entity.events[leaf.event]
    return {source.key, source.at, *(w.field for w in leaf.where), *((leaf.aggregate.field,) if leaf.aggregate else ())}


def source_column(entity: Entity, field: str) -> str:
    """Return the column behind a field; a column of an events relation is its own."""
    declared = entity.fields.get(field)
    return (declared.days_since if declared else None) or field
