"""The bits: every distinct leaf of an entity's segments gets one, in words of 62, and keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pulse_runner.compile.ladder import ladder_key
from pulse_runner.compile.sql import resolve_segments
from pulse_runner.compile.versions import Bits, Remembered, earlier
from pulse_runner.segments.columns import rule_columns, source_column
from pulse_runner.segments.expression import fields_of
from pulse_runner.segments.model import (
    All,
    AnyOf,
    Entity,
    EventLeaf,
    Leaf,
    Not,
    Project,
    Rule,
    Segment,
    SqlLeaf,
)

WORD = 62  # bits of a signed 64-bit integer that every warehouse can use


@dataclass(frozen=True)
class RulePlan:
    """One rule of a segment, without references to others; `is_earlier` for a version that is judged only to tell an edit from the data."""

    segment: Segment
    rule: Rule
    is_earlier: bool


@dataclass(frozen=True)
class EntityPlan:
    """All that the models of one entity are rendered from: the rules by segment, the newest first, and the bit of each leaf."""

    entity: Entity
    rules: tuple[RulePlan, ...]
    bits: Bits

    @property
    def words(self) -> int:
        """Return the number of bit words, at least one."""
        return max((bit // WORD + 1 for bit in self.bits.values()), default=1)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Return the segments that are watched."""
        return tuple(r.segment for r in self.rules if not r.is_earlier)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the relation that anything uses, in the order of the entity's fields."""
        entity = self.entity
        used = {c for r in self.rules for c in rule_columns(r.rule, entity)}
        used |= {source_column(entity, a.field) for a in entity.attributes}
        used |= {c for c in (entity.conversion_event_at, entity.amount, entity.last_seen_at, entity.updated_at) if c}
        used |= {source_column(entity, f) for f in self.reach_fields}
        return tuple(n for n, f in entity.fields.items() if n in used and f.days_since is None)

    @cached_property
    def reach_fields(self) -> frozenset[str]:
        """Return the fields that the SQL of reach channels reads."""
        names = list(self.entity.fields)
        return frozenset(f for sql in self.entity.reach.values() for f in fields_of(sql, names))

    @cached_property
    def clocks(self) -> dict[str, str]:
        """Return the clocks that SQL or an attribute reads by name, with the column that each counts from."""
        named = {f for leaf in self.bits if isinstance(leaf, SqlLeaf) for f in leaf.fields}
        named |= {a.field for a in self.entity.attributes} | self.reach_fields
        return {f.name: f.days_since for f in self.entity.fields.values() if f.days_since and f.name in named}

    @property
    def events(self) -> tuple[EventLeaf, ...]:
        """Return the event conditions in the order of their bits."""
        return tuple(leaf for leaf in self.bits if isinstance(leaf, EventLeaf))


def plan_entity(project: Project, entity: Entity, known: Remembered | None = None) -> EntityPlan:
    """Return the plan of one entity: its enabled segments by name with their earlier rules, and the leaves of all of them.

    Leaves that `known` has a bit for keep it; new ones get the lowest bits that are free.
    """
    known = known or Remembered()
    texts = {s.name: s.rule for s in project.segments.values()}
    chosen = sorted(
        (s for s in project.segments.values() if s.entity == entity.name and s.enabled), key=lambda s: s.name
    )
    rules = [
        rule
        for s in chosen
        for rule in (
            RulePlan(s, resolve_segments(s.rule, texts), False),
            *(RulePlan(s, r, True) for r in earlier(entity, s.name, known.versions, project.functions)),
        )
    ]
    return EntityPlan(entity, tuple(rules), _bits([r.rule for r in rules], entity, known.bits.get(entity.name, {})))


def _bits(rules: Sequence[Rule], entity: Entity, known: Bits) -> dict[Leaf, int]:
    """One bit per distinct leaf, in the order of the bits. New leaves on one column stand together, so that they share one CASE."""
    distinct = dict.fromkeys(leaf for rule in rules for leaf, _ in signed_leaves(rule))
    places: dict[object, int] = {}
    for leaf in distinct:
        places.setdefault(ladder_key(leaf, entity) or leaf, len(places))
    kept = {leaf: known[leaf] for leaf in distinct if leaf in known}
    fresh = sorted((leaf for leaf in distinct if leaf not in kept), key=lambda x: places[ladder_key(x, entity) or x])
    taken, bit = set(kept.values()), 0
    for leaf in fresh:
        while bit in taken:
            bit += 1
        kept[leaf] = bit
        taken.add(bit)
    return dict(sorted(kept.items(), key=lambda item: item[1]))


def signed_leaves(rule: Rule, positive: bool = True) -> Iterator[tuple[Leaf, bool]]:
    """Yield each leaf with whether its truth speaks for membership (an even number of `not` above it)."""
    if isinstance(rule, All | AnyOf):
        for part in rule.parts:
            yield from signed_leaves(part, positive)
    elif isinstance(rule, Not):
        yield from signed_leaves(rule.part, not positive)
    else:
        yield rule, positive


def word_masks(rule: Rule, bits: Bits, words: int) -> tuple[list[int], list[int]]:
    """Return per word the bits of the leaves that speak for membership, and of those that speak against it."""
    masks: Mapping[bool, list[int]] = {True: [0] * words, False: [0] * words}
    for leaf, positive in signed_leaves(rule):
        masks[positive][bits[leaf] // WORD] |= 1 << bits[leaf] % WORD
    return masks[True], masks[False]


def rule_bits(rule: Rule, bits: Bits, prefix: str = "w") -> str:
    """Return a rule as SQL over bit words; the bits of an `all` or `any` that share a word are tested at once.

    Written plainly, because there is one per rule and a macro call takes a millisecond: the macro pulse_bitwise spells it for a warehouse without `&`.
    """
    if isinstance(rule, Not):
        return f"not {rule_bits(rule.part, bits, prefix)}"
    if not isinstance(rule, All | AnyOf):
        word, mask = bits[rule] // WORD, 1 << bits[rule] % WORD
        return f"({prefix}{word} & {mask}) = {mask}"
    masks: dict[int, int] = {}
    parts = []
    for part in rule.parts:
        if isinstance(part, All | AnyOf | Not):
            parts.append(rule_bits(part, bits, prefix))
        else:
            masks[bits[part] // WORD] = masks.get(bits[part] // WORD, 0) | 1 << bits[part] % WORD
    every = isinstance(rule, All)
    parts = [*(f"({prefix}{w} & {m}) {f'= {m}' if every else '<> 0'}" for w, m in sorted(masks.items())), *parts]
    return parts[0] if len(parts) == 1 else "(" + (" and " if every else " or ").join(parts) + ")"
