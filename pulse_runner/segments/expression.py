"""SQL that people write: one boolean expression over declared fields, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pulse_runner.segments.source import did_you_mean

FORBIDDEN: tuple[tuple[type, str], ...] = (
    (exp.Query, "a subquery"),
    (exp.AggFunc, "an aggregate"),
    (exp.Window, "a window function"),
    (exp.Star, "a star"),
    (exp.Placeholder, "a placeholder"),
    (exp.Parameter, "a parameter"),
)
BOOLEAN = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Column)


def check_expression(sql: str, fields: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return what is wrong with an expression, and the fields that it reads.

    >>> check_expression("ltv > 2 * spend", ["ltv", "spend"])
    ([], ('ltv', 'spend'))
    >>> check_expression("ltv > 1; drop table x", ["ltv"])[0]
    ['the SQL must be one expression without `;`']
    """
    if "--" in sql or "/*" in sql:
        return ["the SQL must not hold a comment"], ()
    try:
        parsed = sqlglot.parse(sql, read="postgres")
    except SqlglotError as error:
        return [f"the SQL cannot be parsed: {str(error).splitlines()[0]}"], ()
    if ";" in sql or len(parsed) != 1 or parsed[0] is None:
        return ["the SQL must be one expression without `;`"], ()
    tree = parsed[0]
    if isinstance(tree, exp.Query | exp.DDL | exp.DML | exp.Command):
        return ["the SQL must be an expression, not a statement"], ()
    problems = [f"the SQL must not hold {name}" for kind, name in FORBIDDEN if tree.find(kind) is not None]
    inner = tree.unnest()
    if not isinstance(inner, BOOLEAN) and not isinstance(inner, exp.Func):
        problems.append("the SQL must be true or false; this is a value")
    read = []
    for column in tree.find_all(exp.Column):
        if column.table:
            problems.append(f"`{column.sql()}`: write the field without a table name")
        elif column.name not in fields:
            problems.append(f"unknown field `{column.name}` in the SQL{did_you_mean(column.name, list(fields))}")
        else:
            read.append(column.name)
    return list(dict.fromkeys(problems)), tuple(sorted(set(read)))
