"""How a dialect compares names: which SQL identifiers mean the same column or relation."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeAlias

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy

# adapters whose SQL sqlglot knows by another name than dbt does
DIALECTS = {
    "sqlserver": "tsql", "synapse": "tsql", "glue": "spark", "greenplum": "postgres", "materialize": "postgres",
    "risingwave": "postgres", "alloydb": "postgres", "dremio": "dremio", "watsonx_presto": "presto",
}  # fmt: skip
# where an expression may name an earlier column of the same SELECT
LATERAL_ALIASES = frozenset({"duckdb", "snowflake", "databricks", "spark", "redshift", "clickhouse", "teradata"})
_PART = re.compile(r'"((?:[^"]|"")*)"|`([^`]*)`|\[([^\]]*)\]|([^.\s"`\[\]]+)')

Key = tuple[str, ...]
Part: TypeAlias = Any  # a part of a parsed query: exp.Expression, from sqlglot 30 on exp.Expr


@lru_cache(maxsize=64)
def dialect_of(adapter: str) -> str:
    """Return sqlglot's name of an adapter's SQL, '' (its own, tolerant one) where it knows none.

    >>> dialect_of("sqlserver"), dialect_of("duckdb"), dialect_of("nobody")
    ('tsql', 'duckdb', '')
    """
    name = DIALECTS.get(adapter, adapter)
    try:
        Dialect.get_or_raise(name)
    except ValueError:
        return ""
    return name


@lru_cache(maxsize=64)
def _strategy(dialect: str) -> NormalizationStrategy:
    return Dialect.get_or_raise(dialect).normalization_strategy


def folded(text: str, is_quoted: bool, dialect: str) -> str:
    """Return a name as the warehouse compares it.

    >>> folded("Ltv", False, "postgres"), folded("Ltv", True, "postgres"), folded("Ltv", True, "duckdb")
    ('ltv', 'Ltv', 'ltv')
    >>> folded("ltv", False, "snowflake")
    'LTV'
    """
    how = _strategy(dialect)
    if how in (NormalizationStrategy.CASE_INSENSITIVE, NormalizationStrategy.CASE_INSENSITIVE_UPPERCASE):
        return text.lower()
    if is_quoted or how == NormalizationStrategy.CASE_SENSITIVE:
        return text
    return text.upper() if how == NormalizationStrategy.UPPERCASE else text.lower()


def name_of(identifier: object, dialect: str) -> str:
    """Return the name of an identifier of a parsed query as the warehouse compares it."""
    if isinstance(identifier, exp.Identifier):
        return folded(identifier.name, bool(identifier.args.get("quoted")), dialect)
    return folded(str(getattr(identifier, "name", identifier) or ""), False, dialect)


def written(name: str, dialect: str) -> str:
    """Return a compared name as people write it: what is in the dialect's own case without quotes is told in small letters."""
    plain = name.isupper() and _strategy(dialect) == NormalizationStrategy.UPPERCASE
    return name.lower() if plain else name


def relation_key(name: str) -> Key:
    """Return the parts of a relation's name, quotes and case taken off: relations that differ only in case are rare, and told apart later.

    >>> relation_key('"shop"."main"."Orders"'), relation_key("`proj-1`.`ds`.`t`")
    (('shop', 'main', 'orders'), ('proj-1', 'ds', 't'))
    """
    parts = [next(p for p in m.groups() if p is not None) for m in _PART.finditer(name)]
    return tuple(p.replace('""', '"').lower() for p in parts)


def table_key(table: exp.Table) -> Key:
    """Return the parts of a relation that a query names, () where it is a function or a file."""
    if not isinstance(table.this, exp.Identifier):
        return ()
    parts = [table.args.get("catalog"), table.args.get("db"), table.this]
    return tuple(p.name.lower() for p in parts if p is not None and p.name)


def arg(node: Part, name: str) -> Any:
    """Return an argument of a parsed node whose name is a word of Python: versions of sqlglot spell it with or without `_`."""
    return node.args.get(f"{name}_", node.args.get(name))
