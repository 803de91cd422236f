"""Find the few slices, one to three attributes deep, in which a count or a rate is not what was expected.

Each leaf (a combination of all attributes) has an expected and an actual number. A slice explains its leaves by one
common ratio, as a fault does that hits a platform or a country. It is scored by how much likelier the leaves are with
that ratio than without, under Student's t, whose long tails keep a single wild leaf from counting for more than many
that agree; less the cost of naming it among all slices of its depth (minimum description length). So a slice must be
large and pure: a part of it that did not change speaks against it, and a slice inside it that changed alone wins.
What a slice explains is taken out before the next one is looked for.

References: multidimensional subset scan (Neill), generalised ripple effect (Li et al., Squeeze), MDL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from pulse_runner.arrays import Floats, Ints

TAIL = 4.0  # degrees of freedom of the t distribution: the usual choice for robust regression
MEDIAN_CHI2 = 0.4549  # the median of a squared standard normal
MAX_DEPTH = 3
MAX_SLICES = 5
SMALLEST_PART = 0.05  # of the whole change: what is less is not one of the few that explain most


@dataclass(frozen=True)
class Leaves:
    """The finest parts: `codes` (leaves x attributes) point into `values`, the values of each attribute.

    `expected` and `actual` are counts. For a rate they are its numerators, with the denominators beside them.
    """

    attributes: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: Ints
    expected: Floats
    actual: Floats
    expected_of: Floats | None = None
    actual_of: Floats | None = None

    @cached_property
    def base(self) -> Floats:
        """Return what each leaf would have by its own past: its count, or its rate on today's denominator."""
        if self.expected_of is None or self.actual_of is None:
            return np.maximum(self.expected, 0.0)
        return self.rate * self.actual_of

    @cached_property
    def rate(self) -> Floats:
        """Return the expected rate of each leaf; of small ones it is drawn to that of all."""
        assert self.expected_of is not None
        whole = self.expected.sum() / max(self.expected_of.sum(), 1e-12)
        return np.asarray((self.expected + whole) / (self.expected_of + 1.0), dtype=float)

    @property
    def spread(self) -> Floats:
        """Return what the variance of a leaf grows with by chance alone: its count, or that of a binomial."""
        if self.expected_of is None or self.actual_of is None:
            return np.asarray(np.maximum(self.base, 0.5), dtype=float)
        # the expected rate was measured on a number of trials too
        doubt = 1.0 + self.actual_of / np.maximum(self.expected_of, 1.0)
        return np.asarray(np.maximum(self.base * np.clip(1.0 - self.rate, 0.0, 1.0), 0.05) * doubt, dtype=float)


@dataclass(frozen=True)
class Slice:
    """Values of one to three attributes, with the leaves that have them.

    `expected` and `actual` are sums of the leaves, `change` what the slice explains of actual less expected (for a rate:
    within, at today's denominators). `score` is the log likelihood gained, less the cost of naming the slice.
    """

    where: tuple[tuple[str, str], ...]
    leaves: Ints
    expected: float
    actual: float
    change: float
    score: float


@dataclass(frozen=True)
class Found:
    """The slices, the best evidenced first, and what they leave of the whole change.

    `everywhere` is a change by one ratio of all leaves alike, which no slice is needed for; the parts add up to the whole.
    """

    slices: tuple[Slice, ...]
    whole: float
    unexplained: float
    everywhere: float = 0.0


def find_slices(leaves: Leaves, most: int = MAX_SLICES) -> Found:
    """Return the few slices that together explain most of the change, the best evidenced first; none where all of it may be chance.

    >>> codes = np.array([[a, b] for a in range(4) for b in range(6)])
    >>> expected = np.full(24, 200.0)
    >>> actual = np.where(codes[:, 0] == 2, 90.0, expected + np.tile([-9, 7, 3, -4, 8, -5], 4))
    >>> named = (("ios", "android", "web", "tv"), tuple("abcdef"))
    >>> found = find_slices(Leaves(("device", "plan"), named, codes, expected, actual))
    >>> [(s.where, round(s.change)) for s in found.slices], round(found.unexplained)
    ([((('device', 'web'),), -660)], 0)
    """
    whole, cuboids = float((leaves.actual - leaves.base).sum()), list(_cuboids(leaves))
    # the root is a choice of its own: slices that cover everything between them must be likelier than one ratio for all
    chosen = max(
        (_greedy(leaves, c, most) for c in (cuboids[1:], cuboids)), key=lambda path: sum(s.score for s in path)
    )
    everywhere = sum(s.change for s in chosen if not s.where)
    kept = _few([s for s in chosen if s.where], whole)
    return Found(tuple(kept), whole, whole - everywhere - sum(s.change for s in kept), everywhere)


def _greedy(leaves: Leaves, cuboids: Sequence[_Cuboid], most: int) -> list[Slice]:
    """Return slices, each the best for what those before it leave."""
    rest, floor, chosen = leaves.actual - leaves.base, _floor(leaves), list[Slice]()
    while len([s for s in chosen if s.where]) < most:
        best = _best(leaves, rest, cuboids, floor)
        if best is None or any(best.where == s.where for s in chosen):
            break
        chosen.append(best)
        part = leaves.base[best.leaves]
        rest = rest.copy()
        rest[best.leaves] -= best.change / part.sum() * part if part.sum() else 0.0
    return chosen


@dataclass(frozen=True)
class _Cuboid:
    """All slices over the same attributes: which one each leaf is in, and what naming one costs."""

    columns: tuple[int, ...]
    slice_of: Ints
    count: int
    cost: float


def _cuboids(leaves: Leaves) -> Iterator[_Cuboid]:
    sizes, made = dict[int, int](), list[tuple[tuple[int, ...], Ints, int]]()
    for depth in range(min(MAX_DEPTH, len(leaves.attributes)) + 1):
        for columns in combinations(range(len(leaves.attributes)), depth):
            code = np.zeros(len(leaves.codes), dtype=np.int64)
            for column in columns:
                code = code * (len(leaves.values[column]) + 1) + leaves.codes[:, column]
            seen, slice_of = np.unique(code, return_inverse=True)
            sizes[depth] = sizes.get(depth, 0) + len(seen)
            made.append((columns, np.asarray(slice_of), len(seen)))
    for columns, slice_of, count in made:
        # which slice of its depth, and how large its ratio is
        cost = np.log(sizes[len(columns)]) + np.log(max(len(columns), 1)) + 0.5 * np.log(len(leaves.codes) + 1)
        yield _Cuboid(columns, slice_of, count, float(cost))


def _best(leaves: Leaves, rest: Floats, cuboids: Sequence[_Cuboid], floor: float) -> Slice | None:
    """Return the slice that makes the leaves likeliest for what it costs, None where none is worth it."""
    base, sd = leaves.base, np.sqrt(_variance(leaves, rest, floor))
    without = _surprise(rest / sd)
    found: tuple[float, _Cuboid, int, float] | None = None
    for cuboid in cuboids:
        of, n = cuboid.slice_of, cuboid.count
        for weight in (np.ones_like(base), base / sd**2):  # by the sums, and by what each leaf knows of the ratio
            above, below = np.bincount(of, weight * rest, n), np.bincount(of, weight * base, n)
            ratio = np.maximum(above / np.maximum(below, 1e-12), -1.0)
            gain = np.bincount(of, without - _surprise((rest - ratio[of] * base) / sd), n) - cuboid.cost
            best = int(np.argmax(gain))
            if gain[best] > 0 and (found is None or gain[best] > found[0] + 1e-9):
                found = (float(gain[best]), cuboid, best, float(ratio[best]))
    if found is None:
        return None
    score, cuboid, best, ratio_of = found
    inside = np.flatnonzero(cuboid.slice_of == best)
    first = leaves.codes[inside[0]]
    where = tuple((leaves.attributes[c], leaves.values[c][int(first[c])]) for c in cuboid.columns)
    change = ratio_of * float(base[inside].sum())
    return Slice(where, inside, float(leaves.expected[inside].sum()), float(leaves.actual[inside].sum()), change, score)


def _surprise(z: Floats) -> Floats:
    """Return minus the log density of a t distribution, but for a constant."""
    return np.asarray(0.5 * (TAIL + 1) * np.log1p(z**2 / TAIL), dtype=float)


def _variance(leaves: Leaves, rest: Floats, floor: float) -> Floats:
    """Return the variance of each leaf: what chance gives, times what it is worse, and a share of its own size.

    Both are medians over leaves, so a fault in fewer than half of them does not count as noise: the first over the
    smaller leaves, where chance rules, the second over the larger ones, where forecasts err in proportion.
    """
    spread, base = leaves.spread, np.maximum(leaves.base, 1e-9)
    is_small = base <= np.median(base)
    chance = max(_median(rest[is_small] ** 2 / spread[is_small]) / MEDIAN_CHI2, floor)
    large = ~is_small if (~is_small).any() else is_small
    share = _median((rest[large] ** 2 - MEDIAN_CHI2 * chance * spread[large]) / base[large] ** 2) / MEDIAN_CHI2
    variance = chance * spread + max(share, 0.0) * base**2
    return np.asarray(np.maximum(variance, 1e-9 * max(float(base.max()), 1.0)), dtype=float)


def _floor(leaves: Leaves) -> float:
    """Return the least that chance does: whole numbers are counts, and counts vary like counts."""
    is_count = bool(np.all(leaves.actual == np.round(leaves.actual)))
    return 1.0 if is_count else 0.0


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else 0.0


def _few(chosen: Sequence[Slice], whole: float) -> list[Slice]:
    """Return the slices that matter, the best evidenced first.

    What changed against the first is left over, unless it is at least half as much: then both are the story, as where one
    value is taken for another.
    """
    ranked = sorted(chosen, key=lambda s: -s.score)
    if not ranked:
        return []
    moved = max([abs(whole), *(abs(s.change) for s in ranked)])
    large = [s for s in ranked if abs(s.change) >= SMALLEST_PART * moved]
    return [s for s in large if s.change * large[0].change > 0 or abs(s.change) >= abs(large[0].change) / 2]
