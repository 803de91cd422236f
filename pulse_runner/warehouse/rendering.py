"""The runner's own SQL in the words of each warehouse.

It is written once, in what DuckDB and Postgres both understand, and goes to them as it is. For the others sqlglot puts the
names of types and functions, literals and quotes into their dialect. Names in backticks are read too: dbt quotes so where
the warehouse does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from pulse_runner.errors import WarehouseError

AUTHORED = ("duckdb", "postgres")


@lru_cache(maxsize=4096)
def render(sql: str, dialect: str) -> str:
    """Return a statement of the runner for a warehouse, with its `?` where they were; raise WarehouseError where it has no words for it.

    >>> render("select cast(a as double precision), ? from `db`.`t` where d = date '2026-05-01'", "bigquery")
    "SELECT CAST(a AS FLOAT64), ? FROM `db`.`t` WHERE d = CAST('2026-05-01' AS DATE)"
    >>> render("select 1 :: text", "postgres")
    'select 1 :: text'
    """
    if dialect in AUTHORED:
        return sql
    import sqlglot
    from sqlglot.dialects.postgres import Postgres

    class Authored(Postgres):
        """Postgres that also reads names in backticks; where NULL stands in an order is the warehouse's, nothing depends on it."""

        NULL_ORDERING = sqlglot.Dialect.get_or_raise(dialect).NULL_ORDERING

        class Tokenizer(Postgres.Tokenizer):
            IDENTIFIERS: ClassVar = ['"', "`"]

    try:
        (out,) = sqlglot.transpile(
            sql, read=Authored, write=dialect, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE
        )
    except (sqlglot.errors.SqlglotError, ValueError) as error:
        first = " ".join(sql.split())[:200]
        raise WarehouseError(f"`{first}` cannot be said in {dialect}: {' '.join(str(error).split())[:300]}") from None
    return str(out)
