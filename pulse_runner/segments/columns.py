"""Which columns a rule reads: one answer for the compiler, the segment views and the explanations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pulse_runner.segments.expression import fields_of
from pulse_runner.segments.model import (
    Entity,
    EventLeaf,
    FieldLeaf,
    Leaf,
    Project,
    Rule,
    Segment,
    SegmentLeaf,
    SqlLeaf,
    leaves,
)


def rule_columns(rule: Rule, entity: Entity, rules: Mapping[str, Rule] | None = None) -> tuple[str, ...]:
    """Return the columns that a rule reads, in the order of the rule, each once.

    A column of the entity's relation stands under its own name, one of an events relation as `<events>.<column>`. `rules` are the
    rules by segment; a reference to a segment reads what that segment's rule reads.
    """
    found: dict[str, None] = {}
    _collect(rule, entity, rules or {}, found, frozenset())
    return tuple(found)


def referenced(rule: Rule, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Return the segments that a rule refers to, those that these refer to included, each once."""
    out: dict[str, None] = {}
    waiting = [rule]
    while waiting:
        for leaf in leaves(waiting.pop()):
            if isinstance(leaf, SegmentLeaf) and leaf.segment in rules and leaf.segment not in out:
                out[leaf.segment] = None
                waiting.append(rules[leaf.segment])
    return tuple(out)


def measured_columns(entity: Entity, metric: str, attribute: str = "") -> frozenset[str]:
    """Return the columns that one metric of a segment comes from, beside those of its rule."""
    fields: list[str | None] = []
    if attribute:
        fields = [a.field for a in entity.attributes if a.name == attribute]
    elif metric.startswith("reach:"):
        sql = entity.reach.get(metric.removeprefix("reach:"), "")
        fields = [*fields_of(sql, list(entity.fields))] if sql else []
    elif metric.startswith("conversion"):
        fields = [entity.conversion_event_at]
    elif metric.startswith("revenue"):
        fields = [entity.amount, entity.conversion_event_at]
    elif metric.startswith("inactive"):
        fields = [entity.last_seen_at]
    return frozenset(source_column(entity, f) for f in fields if f)


def readers(project: Project, entity: str, columns: Iterable[str]) -> list[Segment]:
    """Return the enabled segments of an entity whose numbers depend on one of the columns.

    These are the segments whose rules read it. Where none does, but something that is measured of every segment does,
    they are all of the entity's segments. No column at all, or one that is '', is the entity as a whole.
    """
    wanted = set(columns)
    own = [s for s in project.segments.values() if s.entity == entity and s.enabled]
    definition = project.entities.get(entity)
    if not wanted or "" in wanted or definition is None:
        return own
    rules = {name: s.rule for name, s in project.segments.items()}
    reading = [s for s in own if wanted & set(rule_columns(s.rule, definition, rules))]
    return reading or (own if wanted & _measured(definition) else [])


def _measured(entity: Entity) -> set[str]:
    """Return the columns from which anything is measured of all of an entity's segments."""
    names = ("conversion_rate", "revenue", "inactive_rate", *(f"reach:{channel}" for channel in entity.reach))
    found = {c for name in names for c in measured_columns(entity, name)}
    found |= {c for a in entity.attributes for c in measured_columns(entity, "distribution", a.name)}
    return found | ({source_column(entity, entity.updated_at)} if entity.updated_at else set())


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
