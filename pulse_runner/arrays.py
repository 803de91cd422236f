"""The arrays that panels and detectors are made of, and days as numpy has them."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]


def day_axis(first: date, last: date) -> Days:
    """Return every calendar day from `first` to `last`."""
    return np.arange(np.datetime64(first), np.datetime64(last) + 1)


def weekdays(days: Days) -> Ints:
    """Return the weekday of each day, Monday 0.

    >>> weekdays(np.arange("2026-11-23", "2026-11-26", dtype="datetime64[D]")).tolist()
    [0, 1, 2]
    """
    return (days.astype("datetime64[D]").astype(np.int64) + 3) % 7


def as_date(value: np.datetime64) -> date:
    """Return a numpy day as a date."""
    out: date = value.astype("datetime64[D]").item()
    return out


def iso(value: np.datetime64 | date) -> str:
    """Write a day as ISO text."""
    return str(value)[:10]
