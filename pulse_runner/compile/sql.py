"""Rules as SQL. Values only ever become literals here; a leaf that is not true is false, and `not` is its complement."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from pulse_runner.compile.days import Day
from pulse_runner.segments.model import (
    All,
    AnyOf,
    Entity,
    EventLeaf,
    EventSource,
    Field,
    FieldLeaf,
    Leaf,
    Not,
    Rule,
    SegmentLeaf,
    SqlLeaf,
    Value,
)

Render = Callable[[Leaf], str]
_TAG = re.compile(r"\{[{%#]")
BACKTICKS = ("bigquery", "databricks", "spark")
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "<>"}


def literal(value: Value) -> str:
    """Return a value as a SQL literal; nothing in it can end the literal.

    >>> print(literal("O'Hara; drop table x --"), literal(3), literal(True))
    'O''Hara; drop table x --' 3 true
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} has no SQL literal.")
        return repr(value)
    # a backslash is data in standard SQL; warehouses that read it as an escape are not supported yet
    lines = ["'" + line.replace("'", "''") + "'" for line in value.split("\n")]
    # compiled SQL is indented: a line break in a value must not be one in the text
    return lines[0] if len(lines) == 1 else "(" + " || chr(10) || ".join(lines) + ")"


def quoted(name: str, dialect: str = "") -> str:
    """Return a column, table or schema as SQL names it, whatever letters it has.

    >>> print(quoted("Order Total"), quoted("Order Total", "bigquery"))
    "Order Total" `Order Total`
    """
    mark = "`" if dialect in BACKTICKS else '"'
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def readable(relation: str, entity: Entity, dialect: str) -> str:
    """Return the relation of an entity as Pulse reads it: where columns have odd names, under plain ones; it wants a name with `as`."""
    h = entity.history
    plain = [n for n, f in entity.fields.items() if f.days_since is None]
    return _named_plainly(relation, (entity.key, h.as_of, h.valid_from, h.valid_to, *plain), entity.columns, dialect)


def readable_events(relation: str, source: EventSource, dialect: str) -> str:
    """Return an events relation as Pulse reads it, as `readable` does."""
    return _named_plainly(relation, (source.key, source.at, *source.fields), source.columns, dialect)


def _named_plainly(relation: str, read: Sequence[str | None], odd: Mapping[str, str], dialect: str) -> str:
    if not odd:
        return relation
    wanted = dict.fromkeys(c for c in read if c)
    listed = [f"{quoted(odd[c], dialect)} as {c}" if c in odd else c for c in wanted]
    return f"(select {', '.join(listed)} from {relation})"


def in_jinja(sql: str) -> str:
    """Return SQL text so that dbt's Jinja leaves it as it is: what begins a tag is written as an expression, in one pass.

    >>> in_jinja("name = '{{ x }}'")
    "name = '{{ '{{' }} x }}'"
    """
    return _TAG.sub(lambda found: "{{ '" + found[0] + "' }}", sql)


def day_literal(iso: Value) -> str:
    """Return an ISO date as a SQL date."""
    return f"cast('{date.fromisoformat(str(iso))}' as date)"


def leaf_sql(leaf: FieldLeaf, fields: Mapping[str, Field], day: Day | None = None, dialect: str = "") -> str:
    """Return one field condition as SQL over plain column names; `day` is what relative dates count from.

    A pattern (`matches`) is spelt for `dialect`. ValueError for an operator that needs a day when there is none.
    """
    field = fields[leaf.field]
    if field.days_since is not None and day is not None:
        return _clock_sql(leaf, field.days_since, day)
    x, values = leaf.field, leaf.values
    match leaf.operator:
        case "=" | "<" | "<=" | ">" | ">=" | "!=":
            return f"{x} {'<>' if leaf.operator == '!=' else leaf.operator} {literal(values[0])}"
        case "in" | "not_in":
            return f"{x} {'in' if leaf.operator == 'in' else 'not in'} ({', '.join(map(literal, values))})"
        case "between" if field.type in ("date", "timestamp"):
            return f"cast({x} as date) between {day_literal(values[0])} and {day_literal(values[1])}"
        case "between":
            return f"{x} between {literal(values[0])} and {literal(values[1])}"
        case "is_null" | "is_not_null":
            return f"{x} is {'not ' if leaf.operator == 'is_not_null' else ''}null"
        case "is_true" | "is_false":
            return f"{x} = {'true' if leaf.operator == 'is_true' else 'false'}"
        case "contains":
            return f"position({literal(values[0])} in {x}) > 0"
        case "not_contains":
            return f"position({literal(values[0])} in {x}) = 0"
        case "starts_with":
            return f"left({x}, {len(str(values[0]))}) = {literal(values[0])}"
        case "ends_with":
            return f"right({x}, {len(str(values[0]))}) = {literal(values[0])}"
        case "matches":
            return (
                f"{x} ~ {literal(values[0])}" if dialect == "postgres" else f"regexp_matches({x}, {literal(values[0])})"
            )
        case "on" | "before" | "after":
            sign = {"on": "=", "before": "<", "after": ">"}[leaf.operator]
            return f"cast({x} as date) {sign} {day_literal(values[0])}"
        case "in_last" if day is not None:
            return f"cast({x} as date) between {day.minus(int(values[0]))} and {day.minus(0)}"
        case "more_than_ago" if day is not None:
            return f"cast({x} as date) < {day.minus(int(values[0]))}"
        case "between_ago" if day is not None:
            return f"cast({x} as date) between {day.minus(int(values[1]))} and {day.minus(int(values[0]))}"
    raise ValueError(f"Operator {leaf.operator!r} of field {leaf.field!r} has no SQL.")


def _clock_sql(leaf: FieldLeaf, column: str, day: Day) -> str:
    """Compare days since a date by comparing the date itself: more days are earlier dates."""
    x = f"cast({column} as date)"
    operator, values = leaf.operator, leaf.values
    if operator in ("is_null", "is_not_null"):
        return f"{column} is {'not ' if operator == 'is_not_null' else ''}null"
    if operator == "between":
        return f"{x} between {day.minus(math.floor(float(values[1])))} and {day.minus(math.ceil(float(values[0])))}"
    if operator in ("in", "not_in"):
        listed = ", ".join(day.minus(int(v)) for v in values)
        return f"{x} {'in' if operator == 'in' else 'not in'} ({listed})"
    number = float(values[0])
    # a whole number of days: <= 7.5 is <= 7, and < 7.5 is <= 7
    if number != int(number):
        operator = {"<": "<=", ">": ">="}.get(operator, operator)
        number = math.floor(number) if operator == "<=" else math.ceil(number)
    return f"{x} {_FLIPPED[operator]} {day.minus(int(number))}"


def boolean_sql(rule: Rule, render: Render) -> str:
    """Return a rule as a boolean that is never null, each leaf through `render` (which gives a boolean that may be null)."""
    if isinstance(rule, All | AnyOf):
        word = " and " if isinstance(rule, All) else " or "
        parts = [boolean_sql(p, render) for p in rule.parts]
        return parts[0] if len(parts) == 1 else "(" + word.join(parts) + ")"
    if isinstance(rule, Not):
        return f"not {boolean_sql(rule.part, render)}"
    return render(rule)


def rule_sql(
    rule: Rule,
    entity: Entity,
    dialect: str,
    day: Day,
    segments: Mapping[str, Rule],
    events: Callable[[EventLeaf], str],
) -> str:
    """Return a rule as a self-contained boolean for one day, over the plain column names of the entity's relation.

    `segments` gives the rules that the rule refers to, `events` the SQL of a condition on events, which need another relation.
    """

    def render(leaf: Leaf) -> str:
        if isinstance(leaf, FieldLeaf):
            sql = leaf_sql(leaf, entity.fields, day, dialect)
        elif isinstance(leaf, SqlLeaf):
            sql = f"({leaf.sql})"
        elif isinstance(leaf, EventLeaf):
            sql = events(leaf)
        else:
            inner = rule_sql(segments[leaf.segment], entity, dialect, day, segments, events)
            return inner if leaf.operator == "in_segment" else f"not {inner}"
        return f"coalesce({sql}, false)"

    return boolean_sql(rule, render)


def resolve_segments(rule: Rule, rules: Mapping[str, Rule]) -> Rule:
    """Return the rule with references to other segments replaced by those segments' rules."""
    if isinstance(rule, All):
        return All(tuple(resolve_segments(p, rules) for p in rule.parts))
    if isinstance(rule, AnyOf):
        return AnyOf(tuple(resolve_segments(p, rules) for p in rule.parts))
    if isinstance(rule, Not):
        return Not(resolve_segments(rule.part, rules))
    if isinstance(rule, SegmentLeaf):
        inner = resolve_segments(rules[rule.segment], rules)
        return inner if rule.operator == "in_segment" else Not(inner)
    return rule
