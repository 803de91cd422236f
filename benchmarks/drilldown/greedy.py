"""A plain search to compare with: again and again the slice whose count is farthest from what was expected of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from pulse_runner.explain.slices.search import Leaves

ENOUGH = 0.8  # of the change


def greedy(leaves: Leaves, most: int = 3) -> list[frozenset[tuple[str, str]]]:
    """Return up to three slices, the first found first."""
    rest, base, out = leaves.actual - leaves.base, leaves.base, list[frozenset[tuple[str, str]]]()
    whole = abs(rest.sum())
    while len(out) < most and abs(rest.sum()) > (1 - ENOUGH) * whole:
        best, inside, where = 0.0, np.array([], dtype=int), frozenset[tuple[str, str]]()
        for depth in (1, 2, 3):
            for columns in combinations(range(len(leaves.attributes)), min(depth, len(leaves.attributes))):
                code = np.zeros(len(leaves.codes), dtype=np.int64)
                for c in columns:
                    code = code * (len(leaves.values[c]) + 1) + leaves.codes[:, c]
                _, of = np.unique(code, return_inverse=True)
                moved, of_base = np.bincount(of, rest), np.bincount(of, base)
                score = moved**2 / np.maximum(of_base, 1.0) * (np.sign(moved) == np.sign(rest.sum()))
                top = int(np.argmax(score))
                if score[top] > best:
                    best, inside = float(score[top]), np.flatnonzero(of == top)
                    first = leaves.codes[inside[0]]
                    where = frozenset((leaves.attributes[c], leaves.values[c][int(first[c])]) for c in columns)
        if not where:
            break
        out.append(where)
        rest[inside] = 0.0
    return out
