"""How SQL names a day: a column of a dbt model, or of a statement that the runner sends itself."""

from __future__ import annotations

from dataclasses import dataclass
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
class SqlDay:
    """A date column of a statement that no dbt renders.

    >>> SqlDay("pulse_day").minus(7)
    'cast(pulse_day - 7 as date)'
    """

    column: str

    def minus(self, days: int) -> str:
        return f"cast({self.column} - {days} as date)" if days else self.column
