"""The SQL of a preview: how many keys a rule takes now, condition by condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from pulse_runner.compile.sql import rule_sql
from pulse_runner.errors import UsageError
from pulse_runner.segments.model import All, Entity, Rule, Segment
from pulse_runner.segments.text import rule_text


def parts_of(rule: Rule) -> tuple[Rule, ...]:
    """Return the conditions that a funnel walks through: the parts of an `all`, or the rule as one."""
    return rule.parts if isinstance(rule, All) else (rule,)


def latest_sql(entity: Entity, relation: str) -> str:
    """Return SQL for the latest date that the relation has rows of, up to a `?`; for other relations that date itself."""
    if entity.history.kind == "as_of":
        column = entity.history.as_of
        return f"select max(cast({column} as date)) as day from {relation} where {column} <= cast(? as date)"
    return "select cast(? as date) as day"


def funnel_sql(
    segment: Segment,
    entity: Entity,
    relation: str,
    dialect: str,
    day: date,
    rules: Mapping[str, Rule],
    order: Sequence[str],
) -> str:
    """Return one aggregate query: all rows with a key, all keys, then alone_N and upto_N keys for each condition.

    A key that stands twice is counted by one row, which is the snapshot's: the first by `order`, the columns that anything uses.
    Raises UsageError for event conditions, which need other relations.
    """
    one = "pulse_copy = 1"
    columns = ["count(*) as all_rows", f"count(case when {one} then 1 end) as everybody"]
    so_far: list[str] = []
    for n, part in enumerate(parts_of(segment.rule), 1):
        try:
            condition = rule_sql(part, entity, dialect, day, rules)
        except ValueError as error:
            raise UsageError(
                f"A preview cannot show `{rule_text(part)}` yet: {error} Compile and snapshot it instead."
            ) from error
        so_far.append(condition)
        columns.append(f"count(case when {one} and {condition} then 1 end) as alone_{n}")
        columns.append(f"count(case when {one} and {' and '.join(so_far)} then 1 end) as upto_{n}")
    h = entity.history
    today = f"cast('{day}' as date)"
    where = f"{entity.key} is not null"
    if h.kind == "as_of":
        where += f" and {h.as_of} = {today}"
    elif h.kind == "validity":
        where += f" and cast({h.valid_from} as date) <= {today} and ({h.valid_to} is null or cast({h.valid_to} as date) > {today})"
    place = f"row_number() over (partition by {entity.key} order by {', '.join([*order, entity.key])}) as pulse_copy"
    rows = f"select *, {place} from {relation} where {where}"
    return f"select {', '.join(columns)} from ({rows}) as placed"
