"""SQL with literal values, so that it runs as pasted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pulse_runner.compile import sql as compiled


def literal(value: str | date) -> str:
    """Return a SQL literal that can only be data.

    >>> literal("it's"), literal(date(2026, 5, 14))
    ("'it''s'", "date '2026-05-14'")
    """
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return compiled.literal(value)


def listed(names: Sequence[str]) -> str:
    """Return SQL literals for an IN list; an empty list matches nothing."""
    return ", ".join(literal(n) for n in names) or "''"


def sql_text(text: str) -> str:
    """Return SQL without the indentation of the Python source."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[margin:] for line in lines if line.strip())
