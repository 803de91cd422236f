"""A change of a rate in two parts: rates that changed within slices, and slices whose share of the whole changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.explain.slices.search import Leaves


@dataclass(frozen=True)
class Split:
    """The parts of a rate's change, as shares of one; they add up to it: `within` + `mix` = `change`."""

    change: float
    within: float
    mix: float


def split_rate(leaves: Leaves) -> Split:
    """Return how much of a rate's change is within leaves, and how much because their sizes moved.

    A leaf that was not there has no rate of its own before: what it brings counts as mix.

    >>> codes = np.array([[0], [1]])
    >>> of = lambda *n: np.array(n, dtype=float)
    >>> split = split_rate(Leaves(("a",), (("x", "y"),), codes, of(50, 10), of(40, 30), of(100, 100), of(50, 150)))
    >>> round(split.change, 3), round(split.within, 3), round(split.mix, 3)
    (0.05, 0.15, -0.1)
    """
    assert leaves.expected_of is not None
    assert leaves.actual_of is not None
    before, now = leaves.expected_of.sum(), leaves.actual_of.sum()
    if not before or not now:
        return Split(0.0, 0.0, 0.0)
    was = np.divide(
        leaves.expected, leaves.expected_of, out=np.zeros_like(leaves.expected), where=leaves.expected_of > 0
    )
    rate = np.divide(leaves.actual, leaves.actual_of, out=np.zeros_like(leaves.actual), where=leaves.actual_of > 0)
    known = (leaves.expected_of > 0) & (leaves.actual_of > 0)
    weight = leaves.actual_of / now
    change = float(leaves.actual.sum() / now - leaves.expected.sum() / before)
    within = float(np.sum(np.where(known, weight * (rate - was), 0.0)))
    return Split(change, within, change - within)
