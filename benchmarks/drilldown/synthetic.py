"""Labelled cases of changed slices: counts and rates, one to three causes, several levels of noise.

A cause multiplies what is expected of every leaf in it by one ratio (the generalised ripple effect). The noise is that
of counts, and an error of the forecast in proportion to a leaf. Half of the cases are messy, as real ones are: the ratio
differs from leaf to leaf, errors have long tails, values of attributes go together, and three slices that nobody means
have drifted by up to a tenth.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pulse_runner.explain.slices.search import Leaves

NOISES = (0.0, 0.05, 0.1, 0.2)
Where = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Case:
    """One case: the leaves, the slices that were changed, and what it is one of."""

    name: str
    kind: str
    noise: float
    causes: int
    is_messy: bool
    leaves: Leaves
    truth: frozenset[Where]


def cases(seed: int, per_kind: int = 8) -> list[Case]:
    """Return cases of both kinds, each noise, and one to three causes."""
    rng = np.random.default_rng(seed)
    return [
        _case(rng, f"{seed}-{kind}-{noise}-{causes}-{n}", kind, noise, causes, is_messy=n % 2 == 1)
        for kind in ("counts", "rates")
        for noise in NOISES
        for causes in (1, 2, 3)
        for n in range(per_kind)
    ]


def _case(rng: np.random.Generator, name: str, kind: str, noise: float, causes: int, *, is_messy: bool) -> Case:
    attributes = tuple(f"a{n}" for n in range(rng.integers(3, 6)))
    values = tuple(tuple(f"v{v}" for v in range(rng.integers(3, 11))) for _ in attributes)
    every = np.array(np.meshgrid(*[range(len(v)) for v in values])).reshape(len(attributes), -1).T
    codes = every[rng.permutation(len(every))[: int(rng.integers(200, 2500))]]
    weight = np.exp(rng.normal(0, 1.0, len(codes)))
    for n, v in enumerate(values):
        weight *= (rng.permutation(len(v)) + 1.0)[codes[:, n]] ** -0.8
    if is_messy:  # the second attribute follows the first, in part
        codes[:, 1] = np.where(rng.random(len(codes)) < 0.4, codes[:, 0] % len(values[1]), codes[:, 1])
        codes, first = np.unique(codes, axis=0, return_index=True)
        weight = weight[first]
    volume = np.maximum(weight / weight.sum() * float(rng.choice([2e4, 1e5, 5e5])), 0.5)
    factor, truth = _causes(rng, attributes, values, codes, volume, causes, up=kind == "rates")
    error = np.exp(np.clip(rng.standard_t(3, len(codes)) if is_messy else rng.normal(0, 1, len(codes)), -6, 6) * noise)
    if is_messy:
        factor = np.where(factor == 1, 1.0, 1 + (factor - 1) * rng.uniform(0.5, 1.5, len(codes)))
        for _ in range(3):
            c = int(rng.integers(len(attributes)))
            error = error * np.where(codes[:, c] == rng.integers(len(values[c])), rng.uniform(0.9, 1.1), 1.0)
    factor = np.maximum(factor, 0.0)
    if kind == "counts":
        return Case(
            name,
            kind,
            noise,
            causes,
            is_messy,
            Leaves(attributes, values, codes, volume, rng.poisson(volume * error * factor).astype(float)),
            truth,
        )
    before, now = rng.poisson(volume * 7).astype(float), np.maximum(rng.poisson(volume), 1).astype(float)
    logit = -2.5 + sum(rng.normal(0, 0.4, len(v))[codes[:, n]] for n, v in enumerate(values))
    rate = 1 / (1 + np.exp(-np.asarray(logit)))
    hits = rng.binomial(before.astype(int), np.clip(rate, 0, 1)).astype(float)
    seen = rng.binomial(now.astype(int), np.clip(rate * error * factor, 0, 0.98)).astype(float)
    return Case(name, kind, noise, causes, is_messy, Leaves(attributes, values, codes, hits, seen, before, now), truth)


def _causes(
    rng: np.random.Generator,
    attributes: tuple[str, ...],
    values: tuple[tuple[str, ...], ...],
    codes: np.ndarray,
    volume: np.ndarray,
    causes: int,
    *,
    up: bool,
) -> tuple[np.ndarray, frozenset[Where]]:
    """Draw slices that hold two to forty percent of the volume and do not overlap; return the factor of each leaf."""
    factor, truth, taken = np.ones(len(codes)), set[Where](), np.zeros(len(codes), dtype=bool)
    for _ in range(2000):
        if len(truth) == causes:
            break
        columns = list(combinations(range(len(attributes)), int(rng.integers(1, 4))))
        chosen = columns[rng.integers(len(columns))]
        picked = {c: int(rng.integers(len(values[c]))) for c in chosen}
        inside = np.all([codes[:, c] == v for c, v in picked.items()], axis=0)
        if inside.sum() < 2 or not 0.02 <= volume[inside].sum() / volume.sum() <= 0.4 or (inside & taken).any():
            continue
        ratio = float(rng.uniform(0.5, 3.0)) if up else -float(rng.uniform(0.25, 0.9))
        factor[inside], taken = 1 + ratio, taken | inside
        truth.add(frozenset((attributes[c], values[c][v]) for c, v in picked.items()))
    return factor, frozenset(truth)
