"""Event conditions as data: one aggregation per relation, filter and window, joined to the entity's rows."""

from __future__ import annotations

from typing import Any

from pulse_runner.compile.forms import field_form
from pulse_runner.compile.plan import EntityPlan
from pulse_runner.segments.columns import event_columns
from pulse_runner.segments.model import Aggregate, Entity, EventLeaf, FieldLeaf

Group = tuple[str, int | None, tuple[FieldLeaf, ...]]


def event_groups(plan: EntityPlan) -> dict[Group, list[EventLeaf]]:
    """Return the event conditions by what they share: events, window and filter."""
    groups: dict[Group, list[EventLeaf]] = {}
    for leaf in plan.events:
        groups.setdefault((leaf.event, leaf.in_last, leaf.where), []).append(leaf)
    return groups


def group_of(plan: EntityPlan, leaf: EventLeaf) -> int:
    """Return the number of the group of an event condition."""
    return list(event_groups(plan)).index((leaf.event, leaf.in_last, leaf.where))


def group_data(plan: EntityPlan) -> list[dict[str, Any]]:
    """Return each group as the macro `pulse_event_counts` takes it: window, filters, and the columns that it counts."""
    out = []
    for (event, window, where), leaves in event_groups(plan).items():
        source = plan.entity.events[event]
        # a filter is a condition over the columns of the events relation
        over = Entity(source.name, source.relation, source.key, plan.entity.history, source.fields)
        aggregates = {aggregate_column(a): f"{a.function}({a.field})" for a in (x.aggregate for x in leaves) if a}
        out.append(
            {
                "events": event, "in_last": window, "filters": [field_form(w, over, 1) for w in where],
                "columns": ["event_count", *sorted(aggregates)], "aggregates": dict(sorted(aggregates.items())),
            }
        )  # fmt: skip
    return out


def declared_columns(entity: Entity, leaves: list[EventLeaf]) -> dict[str, dict[str, str | None]]:
    """Return, per events relation, the columns that conditions read with their types; None where any type will do."""
    found: dict[str, dict[str, str | None]] = {}
    for leaf in leaves:
        fields = entity.events[leaf.event].fields
        declared = found.setdefault(leaf.event, {})
        declared |= {c: fields[c].type if c in fields else None for c in sorted(event_columns(leaf, entity))}
    return found


def aggregate_column(aggregate: Aggregate) -> str:
    """Name the column of an aggregate."""
    return f"{aggregate.function}_{aggregate.field}"


def sign(operator: str) -> str:
    """Return a comparison as SQL spells it."""
    return "<>" if operator == "!=" else operator
