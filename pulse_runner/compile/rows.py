"""The rows of an entity as of a day: one per key, with the columns, clocks and event aggregates that rules read."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.compile.days import Day
from pulse_runner.compile.events import event_alias, event_columns, event_groups
from pulse_runner.compile.plan import EntityPlan
from pulse_runner.compile.sql import SQL_TYPES
from pulse_runner.segments.model import Entity, Field, SqlLeaf

WITH_COPIES = "-- with copies"


def copies(plan: EntityPlan, days: Sequence[Day]) -> str:
    """Return the keys that stand more than once as of one of the days: as a rule none, so only they pay for being told apart."""
    entity = plan.entity
    return "\nunion all\n".join(
        f"select {entity.key} as entity_key\nfrom {{{{ relation }}}}\nwhere {as_of_condition(entity, day)} and {entity.key} is not null\n"
        f"group by {entity.key}\nhaving count(*) > 1"
        for day in days
    )


def rows(plan: EntityPlan, day: Day, name: str) -> str:
    """One row per key as of a day; of duplicate keys the first by all used columns, so that a re-run picks the same.

    The lines that take duplicates apart are marked: pulse_daily leaves them out where `copies` is empty.
    """
    entity = plan.entity
    columns = [f"{{{{ pulse_column('{c}', '{SQL_TYPES[entity.fields[c].type]}', broken) }}}}" for c in plan.columns]
    # a missing column cannot be sorted by
    order = "".join(f"{{% if '{c}' not in broken %}}{c}, {{% endif %}}" for c in plan.columns) + entity.key
    read = f"from {{{{ relation }}}}\n    where {as_of_condition(entity, day)} and {entity.key} is not null"
    single = ",\n        ".join([f"{entity.key} as entity_key", *columns])
    double = f"{single},\n        row_number() over (partition by {entity.key} order by {order}) as pulse_copy"
    picked = ["one.entity_key", *(f"one.{c}" for c in plan.columns)]
    picked += [
        f"{{{{ dbt.datediff('cast(one.{f.days_since} as date)', {_quoted(day)}, 'day') }}}} as {f.name}"
        for f in _clocks(plan)
    ]
    joins = ""
    for source in (name, *(("aged",) if name == "before" else ())):
        for n in range(len(event_groups(plan))):
            joins += f"\nleft join {source}_events_{n} on {source}_events_{n}.entity_key = one.entity_key"
        for n, column in event_columns(plan):
            picked.append(f"{source}_events_{n}.{column} as {event_alias(source, n, column)}")
    listed = ", ".join(["entity_key", *plan.columns])
    apart = (
        f"    and not exists (select 1 from copies as c where c.entity_key = {entity.key})\nunion all\nselect {listed} from (\n"
        f"select\n    {double}\n{read}\n    and {entity.key} in (select c.entity_key from copies as c)\n) as copies where pulse_copy = 1"
    )
    apart = "\n".join(f"    {line} {WITH_COPIES}" for line in apart.split("\n"))
    columns_of_one = ",\n    ".join(dict.fromkeys(picked))
    return f"select\n    {columns_of_one}\nfrom (\n    select\n        {single}\n    {read}\n{apart}\n) as one{joins}"


def as_of_condition(entity: Entity, day: Day) -> str:
    """Return the condition that picks the rows that are true at the end of a day."""
    h = entity.history
    if h.kind == "validity":
        end = f"({h.valid_to} is null or cast({h.valid_to} as date) > {day.minus(0)})"
        return f"cast({h.valid_from} as date) <= {day.minus(0)} and {end}"
    return f"{h.as_of or 'snapshot_date'} = {day.minus(0)}"


def _clocks(plan: EntityPlan) -> list[Field]:
    """Return the clock fields that SQL expressions or attributes read by name."""
    named = {f for b in plan.bits if isinstance(b.leaf, SqlLeaf) for f in b.leaf.fields}
    named |= {a.field for a in plan.entity.attributes}
    named |= {n for n in plan.entity.fields if any(n in sql for sql in plan.entity.reach.values())}
    return [f for f in plan.entity.fields.values() if f.days_since and f.name in named]


def _quoted(day: Day) -> str:
    return day.minus(0).strip("{} ")
