"""The words and numbers that every room says in the same way: severities, statuses, directions, percents, counts, days."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Literal

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
Criticality = Literal["normal", "high", "critical"]
CRITICALITIES: tuple[Criticality, ...] = ("normal", "high", "critical")  # each raises a severity by one more step
Status = Literal["open", "acknowledged", "resolved", "ignored"]
ACTIVE: tuple[Status, ...] = ("open", "acknowledged")
STATUSES: tuple[Status, ...] = (*ACTIVE, "resolved", "ignored")
ACTIVE_SQL = ", ".join(f"'{s}'" for s in ACTIVE)  # for `status in (...)`
Direction = Literal["both", "down", "up"]
# false alarms that a series may raise in a year, its own noise being as it was
SENSITIVITIES = {"low": 0.25, "normal": 1.0, "high": 4.0}
SPARKS = "▁▂▃▄▅▆▇█"


def severity_rank(severity: str) -> int:
    """Return the place of a severity, 0 for the lowest; an unknown one is the lowest.

    >>> severity_rank("high"), severity_rank("nonsense")
    (2, 0)
    """
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def percent(share: float, digits: int | None = None) -> str:
    """Write a share in percent: with so many decimals, or with one only where it says something.

    >>> percent(0.493, 1), percent(0.5, 0)
    ('49.3 %', '50 %')
    >>> percent(0.4187), percent(0.041), percent(0.002), percent(0.05), percent(-0.5)
    ('42 %', '4.1 %', '0.2 %', '5 %', '-50 %')
    """
    value = round(share * 100, 9)
    if digits is None:
        digits = 0 if abs(value) >= 10 or value == round(value) else 1
    return f"{value:.{digits}f} %"


def count(value: float) -> str:
    """Write a count; a decimal only where a small number has one.

    >>> count(1234.4), count(12.345), count(0.5)
    ('1,234', '12', '0.5')
    """
    return f"{value:,.1f}" if abs(value) < 10 and value != round(value) else f"{value:,.0f}"


def number(value: float, rate: bool) -> str:
    """Write the value of a metric: a count, or a rate in percent with one decimal, two below one percent.

    >>> number(1234.4, rate=False), number(0.0723, rate=True), number(0.004, rate=True), number(0.0, rate=True)
    ('1,234', '7.2 %', '0.40 %', '0.0 %')
    """
    if not math.isfinite(value):
        return "nothing"
    return percent(value, 2 if value and abs(value) < 0.01 else 1) if rate else count(value)


def long_day(day: date) -> str:
    """Write a day with its year.

    >>> long_day(date(2026, 5, 4))
    '4 May 2026'
    """
    return f"{day.day} {day:%B} {day.year}"


def day_month(day: date) -> str:
    """Write a day as in a headline.

    >>> day_month(date(2026, 5, 14))
    '14 May'
    """
    return f"{day.day} {day:%B}"


def span_of(days: Sequence[date]) -> str:
    """Write some days in order: the only one, or the first and the last with their number.

    >>> span_of([date(2026, 5, 4)])
    '2026-05-04'
    >>> span_of([date(2026, 5, 4), date(2026, 5, 6)])
    '2 days from 2026-05-04 to 2026-05-06'
    """
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"


def plural(n: int, noun: str) -> str:
    """Write a number of things.

    >>> plural(1, "day"), plural(3, "day")
    ('1 day', '3 days')
    """
    return f"{n} {noun}{'' if n == 1 else 's'}"


def sparkline(values: Sequence[float | None], width: int | None = None, gap: str = " ") -> str:
    """Draw the last `width` values as blocks from zero to their largest; what is not known is a gap.

    >>> sparkline([0, 50, None, 100])
    '▁▅ █'
    """
    shown = values if width is None else values[-width:]
    top = max((v for v in shown if v is not None), default=0) or 1
    return "".join(gap if v is None else SPARKS[min(max(int(v / top * 7 + 0.51), 0), 7)] for v in shown)


def chart(values: Sequence[float | None], low: float, high: float, gap: str = "·") -> str:
    """Draw values as blocks between two ends of an axis, which need not be zero; what is not known is a gap.

    >>> chart([1400, 1420, None, 830], 800, 1460)
    '▇█·▁'
    >>> chart([5, 5], 5, 5)
    '▄▄'
    """
    span = high - low
    top = len(SPARKS) - 1
    return "".join(
        gap if v is None else SPARKS[3] if span <= 0 else SPARKS[min(max(round((v - low) / span * top), 0), top)]
        for v in values
    )
