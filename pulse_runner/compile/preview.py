"""A preview: how many keys a rule takes now, condition by condition."""

from __future__ import annotations

from collections.abc import Mapping

from pulse_runner.compile.tally import Tally
from pulse_runner.segments.model import All, Entity, Rule


def parts_of(rule: Rule) -> tuple[Rule, ...]:
    """Return the conditions that a funnel walks through: the parts of an `all`, or the rule as one."""
    return rule.parts if isinstance(rule, All) else (rule,)


def latest_sql(entity: Entity, relation: str) -> str:
    """Return SQL for the latest date that the relation has rows of, up to a `?`; for other relations that date itself."""
    if entity.history.kind == "as_of":
        column = entity.history.as_of
        return f"select max(cast({column} as date)) as day from {relation} as given where {column} <= cast(? as date)"
    return "select cast(? as date) as day"


def count_funnel(
    tally: Tally, name: str, rule: Rule, entity: Entity, rules: Mapping[str, Rule], *, alone: bool = True
) -> None:
    """Count, for each condition of a rule, the keys that it takes alone, and those that it and all before it take.

    They are named (name, "alone" or "upto", number of the condition from 1). Without `alone` the former are left out.
    """
    so_far: list[str] = []
    for n, part in enumerate(parts_of(rule), 1):
        so_far.append(tally.flag(part, entity, rules))
        if alone:
            tally.count((name, "alone", n), so_far[-1])
        tally.count((name, "upto", n), *so_far)
