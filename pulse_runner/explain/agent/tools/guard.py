"""What SQL of a caller may be: one SELECT over one table of aggregates, or counts of an entity by its attributes.

The statement is parsed, and every part of it must be on a list; nothing is looked for that is forbidden. It never names a
real table: it reads from a named query of ours, which holds only what may be told, in steps of k people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from pulse_runner.explain.agent.tools.base import ToolRefused

MOST_ROWS = 40
MOST_CHARACTERS = 2_000
MOST_PARTS = 200

_PARTS: tuple[type[exp.Expression], ...] = (
    exp.Select, exp.From, exp.Table, exp.TableAlias, exp.Identifier, exp.Column, exp.Star, exp.Alias, exp.Where, exp.Group, exp.Having,
    exp.Order, exp.Ordered, exp.Limit, exp.Literal, exp.Boolean, exp.Null, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT,
    exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Is, exp.Like, exp.ILike, exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Div,
    exp.Neg, exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Coalesce, exp.Round, exp.Abs, exp.Case, exp.If, exp.Distinct,
    exp.Cast, exp.DataType, exp.Tuple,
)  # fmt: skip
_TYPES = frozenset({"DATE", "INT", "BIGINT", "DOUBLE", "FLOAT", "VARCHAR", "TEXT", "DECIMAL"})
_IN_COUNTS: tuple[type[exp.Expression], ...] = (
    exp.Select, exp.From, exp.Table, exp.Identifier, exp.Column, exp.Star, exp.Alias, exp.Where, exp.Group, exp.Order, exp.Ordered,
    exp.Limit, exp.Literal, exp.Boolean, exp.Null, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
    exp.In, exp.Between, exp.Is, exp.Paren, exp.Count, exp.Neg, exp.Cast, exp.DataType,
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """What a statement may read under a name: our own SQL for it, and its columns.

    `groups` are the columns that rows of people may be counted by, None for a table of aggregates, which may be read as it is.
    """

    sql: str
    columns: frozenset[str]
    groups: frozenset[str] | None = None


def guarded(text: str, sources: Mapping[str, Source], dialect: str, k: int) -> str:
    """Return the statement that is run for a caller's; raise ToolRefused with what is not allowed in it."""
    tree = _parsed(text, dialect)
    tables = list(tree.find_all(exp.Table))
    if len(tables) != 1 or tables[0].args.get("db") or tables[0].args.get("catalog"):
        raise ToolRefused(f"read one table by its plain name: {', '.join(sources)}")
    name = tables[0].name.lower()
    source = sources.get(name)
    if source is None or not isinstance(tables[0].this, exp.Identifier):
        raise ToolRefused(f"there is no such table; there are {', '.join(sources)}")
    _require_parts(tree, _PARTS if source.groups is None else _IN_COUNTS)
    _require_names(tree, source, name)
    if source.groups is not None:
        _require_counts(tree, source.groups, k)
    limit = tree.args.get("limit")
    asked = limit.expression if limit else None
    rows = int(asked.name) if isinstance(asked, exp.Literal) and asked.name.isdigit() else MOST_ROWS
    tree.set("limit", exp.Limit(expression=exp.Literal.number(min(rows, MOST_ROWS))))
    return f"with {exp.to_identifier(name).sql(dialect)} as (\n{source.sql}\n)\n{tree.sql(dialect=dialect, comments=False)}"


def _parsed(text: str, dialect: str) -> exp.Select:
    """Return the one SELECT of a text; raise ToolRefused for anything else. What the parser says may quote the text: it is not told."""
    if len(text) > MOST_CHARACTERS:
        raise ToolRefused(f"the statement is longer than {MOST_CHARACTERS} characters")
    try:
        found = [s for s in sqlglot.parse(text, read=_spoken(dialect)) if s is not None]
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError, TypeError, AttributeError, IndexError, KeyError):
        raise ToolRefused("the statement cannot be parsed") from None
    if len(found) != 1 or type(found[0]) is not exp.Select:
        raise ToolRefused("only one SELECT is run")
    return found[0]


def _spoken(dialect: str) -> str:
    return dialect if dialect in sqlglot.Dialect.classes else ""


def _require_parts(tree: exp.Select, allowed: tuple[type[exp.Expression], ...]) -> None:
    every = list(tree.walk())
    if len(every) > MOST_PARTS:
        raise ToolRefused(f"the statement has more than {MOST_PARTS} parts")
    for node in every:
        if type(node) not in allowed:
            raise ToolRefused(f"{type(node).__name__} is not allowed here")
        if isinstance(node, exp.Select) and node is not tree:
            raise ToolRefused("a query within a query is not allowed")
        if isinstance(node, exp.Cast) and node.to.this.name not in _TYPES:
            raise ToolRefused("that cast is not allowed")
    used = {k for k, v in tree.args.items() if v}
    more = used - {"expressions", "from", "from_", "where", "group", "having", "order", "limit", "kind", "distinct"}
    if more or (tree.args.get("distinct") and tree.args["distinct"].args.get("on")):
        raise ToolRefused(f"{', '.join(sorted(more)) or 'distinct on'} is not allowed")


def _require_names(tree: exp.Select, source: Source, name: str) -> None:
    """Require plain columns of the source, or the names that the statement itself gives to what it selects."""
    own = {e.alias.lower() for e in tree.expressions if isinstance(e, exp.Alias)}
    alias = next((t.alias.lower() for t in tree.find_all(exp.Table) if t.alias), name)
    for column in tree.find_all(exp.Column):
        table = column.table.lower()
        if column.args.get("db") or column.args.get("catalog") or table not in ("", name, alias):
            raise ToolRefused("name columns plainly")
        if isinstance(column.this, exp.Star):
            raise ToolRefused("name the columns")
        if column.name.lower() not in source.columns | own:
            raise ToolRefused(f"{name} has no column {column.name[:40]!r}; it has {', '.join(sorted(source.columns))}")
    if own & source.columns:
        raise ToolRefused("a name that you give must be none of the table's columns")


def _require_counts(tree: exp.Select, groups: frozenset[str], k: int) -> None:
    """Make the statement count people in groups: only plain columns and counts are selected, small groups left out."""
    if tree.args.get("having") or tree.args.get("distinct"):
        raise ToolRefused("count people by columns, without HAVING and DISTINCT")
    group = tree.args.get("group")
    if group is not None and [a for a, v in group.args.items() if v and a != "expressions"]:
        raise ToolRefused("group by plain columns only")
    by = [g.name.lower() if type(g) is exp.Column else "" for g in (group.expressions if group else [])]
    if any(name not in groups for name in by):
        raise ToolRefused(f"people can be counted by {', '.join(sorted(groups)) or 'nothing'}")
    selected = list[Any]()
    for n, item in enumerate(tree.expressions, start=1):
        inner = item.this if isinstance(item, exp.Alias) else item
        if type(inner) is exp.Column and inner.name.lower() in by:
            selected.append(item)
        elif type(inner) is exp.Count and type(inner.this) in (exp.Star, exp.Column) and not inner.expressions:
            selected.append(_stepped(inner, k, item.alias or f"rows_{n}"))
        else:
            raise ToolRefused("select the columns that you group by, and count(*) or count(column)")
    tree.set("expressions", selected)
    order = tree.args.get("order")
    for ordered in order.expressions if order else []:
        if type(ordered.this) is not exp.Column or ordered.this.name.lower() not in {
            *by,
            *(s.alias.lower() for s in selected),
        }:
            raise ToolRefused(
                "order by what you select"
            )  # by a count itself it would rank groups more finely than their steps
    tree.set("having", exp.Having(this=exp.GTE(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(k))))


def _stepped(count: exp.Count, k: int, alias: str) -> Any:
    """Return a count rounded down to steps of k."""
    steps = exp.Mul(
        this=exp.Floor(
            this=exp.Div(
                this=exp.Mul(this=exp.Literal.number("1.0"), expression=count), expression=exp.Literal.number(k)
            )
        ),
        expression=exp.Literal.number(k),
    )
    return exp.alias_(exp.Cast(this=steps, to=exp.DataType.build("bigint")), alias)
