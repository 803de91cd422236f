"""How SQL names a day: a column of a view, or a literal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol


class Day(Protocol):
    """The day that a rule is evaluated on."""

    def minus(self, days: int) -> str:
        """Return SQL of type date for so many days before the day."""
        ...


@dataclass(frozen=True)
class ColumnDay:
    """A date expression inside a dbt model, moved with dbt's own dateadd."""

    expression: str

    def minus(self, days: int) -> str:
        if days == 0:
            return self.expression
        return f"cast({{{{ dbt.dateadd('day', {-days}, {self.expression!r}) }}}} as date)"


@dataclass(frozen=True)
class LiteralDay:
    """A date that is known when the SQL is written.

    >>> LiteralDay(date(2026, 3, 1)).minus(1)
    "cast('2026-02-28' as date)"
    """

    day: date

    def minus(self, days: int) -> str:
        return f"cast('{self.day - timedelta(days=days)}' as date)"
