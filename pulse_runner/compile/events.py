"""Event conditions: one aggregation per relation, filter, window and day, joined to the entity's rows."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.compile.days import Day
from pulse_runner.compile.plan import EntityPlan, event_fields
from pulse_runner.compile.sql import SQL_TYPES, in_jinja, leaf_sql, literal
from pulse_runner.segments.model import Entity, EventLeaf, EventSource, FieldLeaf

Group = tuple[str, int | None, tuple[FieldLeaf, ...]]


def event_groups(plan: EntityPlan) -> dict[Group, list[EventLeaf]]:
    """Return the event conditions by what they share: events, window and filter."""
    groups: dict[Group, list[EventLeaf]] = {}
    for bit in plan.events:
        leaf = bit.leaf
        if isinstance(leaf, EventLeaf):
            groups.setdefault((leaf.event, leaf.in_last, leaf.where), []).append(leaf)
    return groups


def event_ctes(plan: EntityPlan, day: Day, name: str, known_until: Day | None = None) -> list[tuple[str, str]]:
    """Return one CTE per group: count and aggregates per key of the events of the window that ends on `day`.

    With `known_until`, later events are left out: what the window would hold had nothing happened since.
    """
    ctes = []
    for n, ((event, window, where), leaves) in enumerate(event_groups(plan).items()):
        source = plan.entity.events[event]
        at = f"cast({source.at} as date)"
        conditions = [f"{at} <= {(known_until or day).minus(0)}", f"{source.key} is not null"]
        if window is not None:
            conditions.append(f"{at} >= {day.minus(window)}")
        conditions += [leaf_sql(leaf, source.fields, day, jinja=True) for leaf in where]
        columns = [f"{source.key} as entity_key", "count(*) as event_count"]
        columns += sorted(
            {f"{a.function}({a.field}) as {_column(a.function, a.field)}" for a in (x.aggregate for x in leaves) if a}
        )
        sql = (
            "select\n    " + ",\n    ".join(columns) + f"\nfrom (\n{_source_rows(plan.entity, source, leaves)}\n) as happened\nwhere "
            + "\n    and ".join(conditions) + f"\ngroup by {source.key}"
        )  # fmt: skip
        ctes.append((f"{name}_events_{n}", sql))
    return ctes


def declared_columns(plan: EntityPlan) -> dict[str, dict[str, str | None]]:
    """Return, per events relation, the columns that conditions read with their types; None where any type will do."""
    found: dict[str, dict[str, str | None]] = {}
    for leaves in event_groups(plan).values():
        for leaf in leaves:
            fields = plan.entity.events[leaf.event].fields
            declared = found.setdefault(leaf.event, {})
            declared |= {c: fields[c].type if c in fields else None for c in sorted(event_fields(leaf, plan.entity))}
    return found


def _source_rows(entity: Entity, source: EventSource, leaves: Sequence[EventLeaf]) -> str:
    """The events with the columns that are read; a broken column is null, and without its key there are no events."""
    kinds = {
        c: SQL_TYPES[source.fields[c].type] if c in source.fields else "date"
        for leaf in leaves
        for c in event_fields(leaf, entity)
    }
    others = sorted(set(kinds) - {source.key})
    there = [source.key, *(f"{{{{ pulse_column('{c}', '{kinds[c]}', broken, '{source.name}.{c}') }}}}" for c in others)]
    gone = [f"{entity.key} as {source.key}", *(f"cast(null as {kinds[c]}) as {c}" for c in others)]
    return (
        f"    {{%- if '{source.name}.{source.key}' in broken %}}\n    select {', '.join(gone)} from {{{{ relation }}}} where 1 = 0\n    {{%- else %}}\n"
        f"    select {', '.join(there)}\n    from {{{{ {source.relation.jinja()} }}}}\n    {{%- endif %}}"
    )


def event_columns(plan: EntityPlan) -> list[tuple[int, str]]:
    """Return (group, column) for every column that `event_ctes` makes."""
    found: list[tuple[int, str]] = []
    for n, leaves in enumerate(event_groups(plan).values()):
        names = {"event_count", *(_column(x.aggregate.function, x.aggregate.field) for x in leaves if x.aggregate)}
        found += [(n, c) for c in sorted(names)]
    return found


def event_condition(plan: EntityPlan, leaf: EventLeaf, source: str) -> str:
    """Return an event condition over the joined columns; a key without events has performed zero times."""
    n = list(event_groups(plan)).index((leaf.event, leaf.in_last, leaf.where))
    count = f"coalesce({event_alias(source, n, 'event_count')}, 0)"
    if leaf.aggregate is not None:
        a = leaf.aggregate
        value = event_alias(source, n, _column(a.function, a.field))
        if a.function == "sum":
            value = f"coalesce({value}, 0)"
        condition = f"{value} {_sign(a.comparison.operator)} {in_jinja(literal(a.comparison.value))}"
    elif leaf.count is not None:
        condition = f"{count} {_sign(leaf.count.operator)} {literal(leaf.count.value)}"
    else:
        condition = f"{count} > 0"
    return f"not coalesce({condition}, false)" if leaf.operator == "not_performed" else condition


def event_alias(source: str, group: int, column: str) -> str:
    """Name a joined event column: the CTE's name and the column's."""
    return f"{source}_{group}_{column}"


def _column(function: str, field: str) -> str:
    return f"{function}_{field}"


def _sign(operator: str) -> str:
    return "<>" if operator == "!=" else operator
