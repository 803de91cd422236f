"""Which columns a rule reads: one answer for the compiler, the segment views and the explanations."""

from __future__ import annotations

from collections.abc import Mapping

from pulse_runner.segments.model import Entity, EventLeaf, FieldLeaf, Leaf, Rule, SegmentLeaf, SqlLeaf, leaves


def rule_columns(rule: Rule, entity: Entity, rules: Mapping[str, Rule] | None = None) -> tuple[str, ...]:
    """Return the columns that a rule reads, in the order of the rule, each once.

    A column of the entity's relation stands under its own name, one of an events relation as `<events>.<column>`. `rules` are the
    rules by segment; a reference to a segment reads what that segment's rule reads.
    """
    found: dict[str, None] = {}
    _collect(rule, entity, rules or {}, found, frozenset())
    return tuple(found)


def _collect(
    rule: Rule, entity: Entity, rules: Mapping[str, Rule], found: dict[str, None], above: frozenset[str]
) -> None:
    for leaf in leaves(rule):
        found |= dict.fromkeys(leaf_columns(leaf, entity))
        if isinstance(leaf, SegmentLeaf) and leaf.segment in rules and leaf.segment not in above:
            _collect(rules[leaf.segment], entity, rules, found, above | {leaf.segment})


def leaf_columns(leaf: Leaf, entity: Entity) -> tuple[str, ...]:
    """Return the columns that one leaf reads itself; a clock reads the column that it counts from."""
    if isinstance(leaf, FieldLeaf):
        return (source_column(entity, leaf.field),)
    if isinstance(leaf, SqlLeaf):
        return tuple(sorted({source_column(entity, f) for f in leaf.fields}))
    if isinstance(leaf, EventLeaf):
        return tuple(sorted(f"{leaf.event}.{c}" for c in event_columns(leaf, entity)))
    return ()


def event_columns(leaf: EventLeaf, entity: Entity) -> set[str]:
    """Return the columns of the events relation that a condition reads, its key and its time among them."""
    source = entity.events[leaf.event]
    return {source.key, source.at, *(w.field for w in leaf.where), *((leaf.aggregate.field,) if leaf.aggregate else ())}


def source_column(entity: Entity, field: str) -> str:
    """Return the column behind a field of the entity's relation; a column that is not declared is its own."""
    declared = entity.fields.get(field)
    return (declared.days_since if declared else None) or field
