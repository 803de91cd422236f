"""What can be read from the profile of a column before and after a change: pure, shares in, patterns out.

A profile is the share of all rows by value (or by the days that a date lies back), and quantiles. Patterns that people cannot make in
a day are told; what one person after the other could have done is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOVED = 0.01  # of the rows, that a value has to gain or lose to be looked at
NOISES = 5.0  # of the day-to-day differences before, and of the noise of counting
EMPTIED = 0.2  # the most of its share that a value that was renamed keeps
FRESH = 0.2  # the most of its share that a new value may have held before
GAIN = (0.6, 1.5)  # what the new value gained, over what the old one lost
EVEN = 0.02  # by how much quantiles of one scale may differ
SCALED = 0.03  # the least change of a scale
OLD = ">14"  # the last bucket of ages


@dataclass(frozen=True)
class Share:
    """One value of a column: its share of the rows now, on the day before, and how far it moves from day to day."""

    value: str
    now: float
    before: float
    noise: float = 0.0

    @property
    def change(self) -> float:
        """Return by how much of the rows it grew."""
        return self.now - self.before


@dataclass(frozen=True)
class Pattern:
    """A pattern in the values: its kind, the values that gained and lost, and how much of the rows moved."""

    kind: str
    gained: str
    lost: str
    moved: float


def moved(shares: Sequence[Share], rows: int) -> list[Share]:
    """Return the values whose share moved beyond noise, the largest movement first."""
    out = []
    for s in shares:
        counting = math.sqrt(max(s.before * (1 - s.before), 1e-12) / max(rows, 1))
        if abs(s.change) >= max(MOVED, NOISES * s.noise, NOISES * counting * 0.5):
            out.append(s)
    return sorted(out, key=lambda s: (-abs(s.change), s.value))


def patterns(shares: Sequence[Share], rows: int, *, is_number: bool = False) -> list[Pattern]:
    """Return what happened to the values of a column, at most one pattern per value that gained.

    >>> patterns([Share("GB", 0.2, 0.3), Share("UK", 0.1, 0.0), Share("DE", 0.7, 0.7)], 5000)
    [Pattern(kind='recoded_value', gained='UK', lost='GB', moved=0.1)]
    >>> patterns([Share("plus", 0.17, 0.3), Share("pro", 0.3, 0.17)], 5000)
    [Pattern(kind='swapped_values', gained='pro', lost='plus', moved=0.13)]
    >>> [p.kind for p in patterns([Share("plus", 0.4, 0.3), Share("student", 0.2, 0.3)], 5000)]
    []
    """
    known = moved(shares, rows)
    gained, lost = [s for s in known if s.change > 0], [s for s in known if s.change < 0]
    if is_number:
        return [
            _pattern("default_value", s.value, "", s.change) for s in gained[:1] if s.now >= 2 * s.before + 2 * MOVED
        ]
    out = _respelt(gained, lost)
    if out:
        return out
    for new in gained:
        found = _swapped(new, lost, len(shares)) or _default(new, lost) or _recoded(new, lost)
        if found is not None:
            out.append(found)
    return out


def _pattern(kind: str, gained: str, lost: str, share: float) -> Pattern:
    return Pattern(kind, gained, lost, round(abs(share), 6))


def _respelt(gained: Sequence[Share], lost: Sequence[Share]) -> list[Pattern]:
    """Pair values that differ by case and blanks only; the largest pair stands for all of them."""
    pairs = [(n, o) for o in lost for n in gained if plain(n.value) == plain(o.value) and _matches(n, o)]
    return [_pattern("respelt_value", n.value, o.value, sum(p[0].change for p in pairs)) for n, o in pairs[:1]]


def _swapped(new: Share, lost: Sequence[Share], values: int) -> Pattern | None:
    """Find the value that the new one changed places with; both were there before."""
    for old in lost:
        near = max(0.1 * abs(new.before - old.before), 0.002)
        if abs(new.now - old.before) <= near and abs(old.now - new.before) <= near and min(new.before, old.now) > 0:
            return _pattern("swapped_values", new.value, old.value, new.change)
    return None


def _default(new: Share, lost: Sequence[Share]) -> Pattern | None:
    """Find one value that takes from several others at once: each loses, this one has it all."""
    if len(lost) < 2 or new.change < GAIN[0] * sum(-s.change for s in lost):
        return None
    if _matches(new, lost[0]) and -lost[1].change < 0.2 * new.change:
        return None
    return _pattern("default_value", new.value, lost[0].value, new.change)


def _recoded(new: Share, lost: Sequence[Share]) -> Pattern | None:
    """Find the value that the new one replaces: the old one emptied, or the new one was not there before."""
    for old in lost:
        if _matches(new, old) and (new.before <= FRESH * new.now or old.now <= EMPTIED * old.before):
            return _pattern("recoded_value", new.value, old.value, new.change)
    return None


def _matches(new: Share, old: Share) -> bool:
    return GAIN[0] * -old.change <= new.change <= GAIN[1] * -old.change


def plain(value: str) -> str:
    """Return a value without case and blanks.

    >>> plain("  Plus ")
    'plus'
    """
    return "".join(value.split()).casefold()


def shift(now: Mapping[str, float], before: Mapping[str, float]) -> int:
    """Return by how many days the ages of a date moved, 0 for none: -1 is a day into the past.

    `before` is a usual day of the same weekday; buckets are days back, `<0` and `>14`.

    >>> usual = {"0": 0.2, "1": 0.1, "2": 0.05, ">14": 0.65}
    >>> shift({"1": 0.2, "2": 0.1, "3": 0.05, ">14": 0.65}, usual), shift(usual, usual)
    (-1, 0)
    """
    apart = _distance(now, before)
    if apart < 0.02:
        return 0
    best = min((-1, 1, -2, 2), key=lambda days: (_distance(now, _moved_by(before, days)), abs(days)))
    return best if _distance(now, _moved_by(before, best)) <= 0.3 * apart else 0


def stands_still(now: Mapping[str, float], before: Mapping[str, float]) -> bool:
    """Say whether no date came since the day before: each is exactly one day older. Arguments are counts of rows.

    >>> stands_still({"1": 20, "2": 10, "3": 5}, {"0": 20, "1": 10, "2": 5}), stands_still({"1": 21, "2": 10}, {"0": 20, "1": 10})
    (True, False)
    """
    aged = {str(int(k) + 1): v for k, v in before.items() if k.isdigit() and int(k) < 14}
    fresh = {k: v for k, v in now.items() if k.isdigit()}
    return (
        bool(aged.get("1"))
        and not now.get("0")
        and not now.get("<0")
        and all(abs(fresh.get(k, 0) - v) <= 0.001 * v for k, v in aged.items())
    )


def _moved_by(ages: Mapping[str, float], days: int) -> dict[str, float]:
    """Return the ages that dates have which lie `days` later (a negative number: earlier)."""
    out: dict[str, float] = {}
    for bucket, share in ages.items():
        if bucket.isdigit():
            age = int(bucket) - days
            bucket = "<0" if age < 0 else OLD if age > 14 else str(age)
        out[bucket] = out.get(bucket, 0.0) + share
    return out


def _distance(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Return half the sum of differences over the fresh ages; the old ones are fed by all."""
    return 0.5 * sum(abs(a.get(k, 0.0) - b.get(k, 0.0)) for k in {*a, *b} if k != OLD)


@dataclass(frozen=True)
class Scale:
    """How the quantiles of a number moved: the middle of their ratios, the least and the largest one."""

    ratio: float
    low: float
    high: float

    @property
    def is_even(self) -> bool:
        """Say whether all quantiles moved by one factor: the unit of the whole column."""
        return self.high - self.low <= EVEN * self.ratio


def scale(now: Sequence[float], before: Sequence[float], noise: float) -> Scale | None:
    """Return how quantiles moved, None where they did not beyond `noise`, the usual change of one in a day.

    >>> scale([86, 172, 430], [100, 200, 500], 0.001)
    Scale(ratio=0.86, low=0.86, high=0.86)
    >>> scale([101, 200, 500], [100, 200, 500], 0.001) is None
    True
    """
    ratios = sorted(a / b for a, b in zip(now, before, strict=True) if b and a / b > 0)
    if len(ratios) < 3:
        return None
    middle = ratios[len(ratios) // 2]
    far = max(abs(math.log(r)) for r in ratios)
    if far < max(math.log(1 + SCALED), NOISES * noise):
        return None
    return Scale(round(middle, 6), round(ratios[0], 6), round(ratios[-1], 6))
