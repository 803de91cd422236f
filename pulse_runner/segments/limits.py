"""How large a definition may be. Each limit is far above what people write, and far below what hurts a machine."""

from __future__ import annotations

import math
import re

LARGEST_FILE = 1_000_000  # bytes
DEEPEST = 50  # mappings and lists within each other, and rules within rules, references included
MOST_VALUES = 20_000  # values of a file, aliases written out
MOST_LEAVES = 2_000  # conditions of a segment, with those of the segments that it refers to
MOST_DAYS = 100_000  # of a relative date: some 270 years
MOST_PROBLEMS = 100  # that are told of one file
LONGEST_MESSAGE = 500
SPLIT = "Split it into several definitions."

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def number_of(text: str) -> int | float | None:
    """Return the number that a decimal text says; None where no column of a warehouse could hold it.

    >>> number_of("12"), number_of("-1.5e3"), number_of("9223372036854775808"), number_of("1e999"), number_of("1e-999")
    (12, -1500.0, None, None, None)
    """
    if len(text) > 400:
        return None
    if re.fullmatch(r"[-+]?[0-9]+", text):
        whole = int(text)
        return whole if -(2**63) <= whole < 2**63 else None
    number = float(text)
    is_zero = not re.search(r"[1-9]", re.split("[eE]", text)[0])
    return number if math.isfinite(number) and (number != 0 or is_zero) else None


def is_day(text: str) -> bool:
    """Say whether a text has the shape of a day: four digits of a year, two of a month, two of a day."""
    return _DAY.fullmatch(text) is not None
