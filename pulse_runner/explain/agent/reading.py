"""What stands in a text: its dates, numbers, names and evidence ids, each with its place.

What was read is blanked with spaces of the same length, so that places in the text stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

MONTHS = [date(2000, month, 1).strftime("%B") for month in range(1, 13)]
_MONTH = "(?P<month>" + "|".join(f"{m}|{m[:3]}" for m in MONTHS) + r")\.?"
_ISO = re.compile(r"\b(\d{4}-\d{2}-\d{2})(?:T[\d:.]+)?")
_DAY_MONTH = re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+(?P<year>\d{{4}}))?\b")
_MONTH_DAY = re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year>\d{{4}}))?\b")
_EVIDENCE_ID = re.compile(r"\bE\d+\b")
_NUMBER = re.compile(
    r"(?<![\w.])(?P<int>\d{1,3}(?:[,\u00a0\u202f ]\d{3})+(?!\d)|\d+)(?P<dec>\.\d+)?"
    r"\s*(?P<scale>k\b|thousand\b|m\b|million\b)?\s*(?P<percent>%|per ?cent\b)?",
    re.IGNORECASE,
)
_IDENTIFIER_WITH_DIGITS = re.compile(r"\b[A-Za-z_]\w*\d\w*\b|\b\d+[A-Za-z_]\w*_\w*\b")
_SNAKE = re.compile(r"\b[a-zA-Z][a-zA-Z0-9]*(?:_[a-zA-Z0-9]+)+\b")
_TICKED = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[^\W\d]\w*")
_NAMED = re.compile(r"\b(?:column|field|segment|table|model)s?\s+['\"`]?([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)
_SPELT = {
    w: n
    for n, w in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], start=2
    )
}
_SPELT_WORD = re.compile(r"\b(" + "|".join(_SPELT) + r")\b", re.IGNORECASE)
SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
Day = tuple[int, int, int]  # month, day, and year or 0


@dataclass(frozen=True)
class Number:
    """A number as it stands in a text: what it may differ from the counted one is `tolerance`."""

    value: float
    tolerance: float
    is_percent: bool
    written: str
    start: int
    end: int

    def is_close(self, value: float) -> bool:
        """Say whether a counted value, rounded as this number is, is this number; signs are told by words."""
        return abs(self.value - abs(value)) <= self.tolerance + 1e-9


def blank(text: str, pattern: re.Pattern[str]) -> str:
    """Return a text with what a pattern finds replaced by as many spaces."""
    return pattern.sub(lambda m: " " * len(m.group()), text)


def split_days(text: str) -> tuple[str, list[tuple[Day, str]]]:
    """Return a text without its dates, and these as (month, day, year or 0) with how they stood.

    >>> split_days("since 14 May, and 2026-05-15")[1]
    [((5, 15, 2026), '2026-05-15'), ((5, 14, 0), '14 May')]
    """
    found = list[tuple[Day, str]]()

    def take(match: re.Match[str]) -> str:
        if match.re is _ISO:
            year, month, day = (int(p) for p in match.group(1).split("-"))
        else:
            month = next(n for n, m in enumerate(MONTHS, start=1) if match["month"][:3] == m[:3])
            day, year = int(match["day"]), int(match["year"] or 0)
        found.append(((month, day, year), match.group().strip()))
        return " " * len(match.group())

    for pattern in (_ISO, _DAY_MONTH, _MONTH_DAY):
        text = pattern.sub(take, text)
    return text, found


def without_names(text: str) -> str:
    """Return a text whose evidence ids and names with digits in them are blanked."""
    return blank(blank(text, _EVIDENCE_ID), _IDENTIFIER_WITH_DIGITS)


def numbers_in(text: str) -> list[Number]:
    """Return the numbers of a text that has no dates, in their order.

    >>> [(n.value, n.tolerance, n.written) for n in numbers_in("about 42 % of 1,234 left by spend_90d (E3)")]
    [(42.0, 0.5, '42 %'), (1234.0, 0.5, '1,234')]
    """
    clean = without_names(text)
    out = list[Number]()
    for match in _NUMBER.finditer(clean):
        scale = SCALES.get((match["scale"] or "").lower(), 1.0)
        digits = re.sub(r"\D", "", match["int"]) + (match["dec"] or "")
        tolerance = 0.5 * 10.0 ** -(len(match["dec"] or ".") - 1) * scale
        written = match.group().rstrip()
        out.append(
            Number(
                float(digits) * scale, tolerance, bool(match["percent"]), written, match.start(),
                match.start() + len(written),
            )
        )  # fmt: skip
    for found in _SPELT_WORD.finditer(clean):
        value = float(_SPELT[found.group().lower()])
        out.append(Number(value, 0.0, False, found.group(), found.start(), found.end()))
    return sorted(out, key=lambda n: n.start)


def evidence_ids(text: str) -> list[str]:
    """Return the ids of evidence that a text speaks of."""
    return _EVIDENCE_ID.findall(text)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text in small letters."""
    return frozenset(w.lower() for w in _WORD.findall(text))


def identifiers(text: str) -> list[str]:
    """Return what in a text can only be a name: words in backticks, and words with an underscore."""
    return [w for ticked in _TICKED.findall(text) for w in _WORD.findall(ticked)] + _SNAKE.findall(text)


def named_after(text: str) -> list[str]:
    """Return the words that follow `column`, `field`, `segment`, `table` or `model`."""
    return _NAMED.findall(text)


def without_quoted(text: str, sources: Iterable[str]) -> str:
    """Return a text whose backticks are blanked where what they hold stands in one of the sources word for word."""
    plain = [" ".join(s.replace("`", "").split()) for s in sources]

    def take(match: re.Match[str]) -> str:
        inner = " ".join(match.group(1).split())
        return " " * len(match.group()) if any(inner in s for s in plain) else match.group()

    return _TICKED.sub(take, text)


def clauses(text: str) -> Sequence[tuple[int, int]]:
    """Return where the clauses of a text begin and end: what one of them says is said of one thing.

    >>> text = "vip fell to 579, while ltv has 41 % nulls"
    >>> [text[a:b].strip() for a, b in clauses(text)]
    ['vip fell to 579,', 'while ltv has 41 % nulls']
    """
    cuts = [0]
    for match in re.finditer(r"[;:()]|[.!?](?=\s|$)|,(?=\s)|\b(?:and|while|because|but|whereas|though|so)\b", text):
        cuts.append(match.end() if not match.group().isalpha() else match.start())
    cuts.append(len(text))
    return [(a, b) for a, b in pairwise(cuts) if text[a:b].strip()]
