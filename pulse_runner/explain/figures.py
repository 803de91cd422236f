"""How explanations write numbers and days."""

from __future__ import annotations

from datetime import date


def count(value: float) -> str:
    """Write a count as people read it.

    >>> count(1234), count(12.345), count(0.5)
    ('1,234', '12', '0.5')
    """
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:,.1f}"


def percent(rate: float) -> str:
    """Write a rate in percent, with decimals only where they say something.

    >>> percent(0.4187), percent(0.002), percent(0.041), percent(-0.5)
    ('42 %', '0.2 %', '4.1 %', '-50 %')
    """
    value = rate * 100
    return f"{value:.0f} %" if abs(value) >= 10 or value == 0 else f"{value:.1f} %"


def day_month(day: date) -> str:
    """Write a day as in a headline.

    >>> day_month(date(2026, 5, 14))
    '14 May'
    """
    return f"{day.day} {day:%B}"
