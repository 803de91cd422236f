"""How a source of evidence asks the warehouse: SQL with literal values, one fact per row, failed queries kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pulse_runner.errors import WarehouseError
from pulse_runner.explain.model import Case, Evidence, Scalar, scrub
from pulse_runner.warehouse.base import Warehouse


@dataclass
class Collector:
    """Evidence of one case while it is gathered; `gaps` says which questions could not be answered, and why."""

    case: Case
    warehouse: Warehouse
    found: list[Evidence] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def table(self, name: str) -> str:
        """Return the qualified name of one of Pulse's tables."""
        return self.warehouse.table(name)

    def rows(self, sql: str, about: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT; a refused query becomes a gap, because a failed query is not evidence."""
        try:
            return self.warehouse.query(sql)
        except WarehouseError as error:
            self.gaps.append(f"{about}: {scrub(str(error), 300)}")
            return []

    def add(
        self,
        kind: str,
        statement: str,
        row: Mapping[str, Any],
        columns: Sequence[str],
        sql: str,
        *,
        source: str,
        weight: float,
        contribution: float | None = None,
        people: Sequence[str] = (),
    ) -> None:
        """Keep one row of `sql` as a fact; columns of `people` are told as `<k` where they are smaller than k."""
        values = {c: plain(row.get(c)) for c in columns}
        for name in people:
            values[name] = hidden(values[name], self.case.k)
        self.found.append(Evidence(kind, scrub(statement, 600), values, sql, weight, source, contribution=contribution))


def hidden(value: Scalar, k: int) -> Scalar:
    """Return a number of people as it may leave the warehouse.

    >>> hidden(3, 5), hidden(0, 5), hidden(5, 5)
    ('<5', 0, 5)
    """
    return f"<{k}" if isinstance(value, int | float) and 0 < value < k else value


def plain(value: Any) -> Scalar:
    """Return a warehouse value as it is kept: days as ISO text, text as one harmless line, six significant decimals."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str):
        return scrub(value, 400)
    if isinstance(value, int):
        return value
    number = round(float(value), 6)
    return int(number) if number == int(number) else number


def literal(value: str | date) -> str:
    """Return a SQL literal that can only be data.

    >>> literal("it's"), literal(date(2026, 5, 14))
    ("'it''s'", "date '2026-05-14'")
    """
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'"


def listed(names: Sequence[str]) -> str:
    """Return SQL literals for an IN list; an empty list matches nothing."""
    return ", ".join(literal(n) for n in names) or "''"


def sql_text(text: str) -> str:
    """Return SQL without the indentation of the Python source."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[margin:] for line in lines if line.strip())
