"""Faults put into real backgrounds: how much of each day is left, and how long a method has to find it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.detection.sources import WARM, Background
from pulse_runner.arrays import Floats

ONSETS = 4  # per series and fault
LEFT = 40  # days after an onset, at least


@dataclass(frozen=True)
class Fault:
    """`left` of a day's events stay, for `days` days; a creep loses `creep` more of them every day, for 60 days."""

    name: str
    left: float = 1.0
    days: int = 10_000
    creep: float = 0.0
    tolerance: int = 0

    def factors(self, days: int, onset: int) -> Floats:
        """Return (T,): what is left of each day."""
        age = np.arange(days) - onset
        if self.creep:
            return np.where(age >= 0, (1.0 - self.creep) ** np.clip(age + 1, 0, 60), 1.0)
        return np.where((age >= 0) & (age < self.days), self.left, 1.0)


DROPS = tuple(
    Fault(f"{size} % {name}", 1 - size / 100, days, tolerance=tolerance)
    for name, days, tolerance in (("one day", 1, 0), ("three days", 3, 2), ("lasting", 10_000, 7))
    for size in (20, 30, 40)
)
CREEPS = (Fault("0.3 % a day", creep=0.003, tolerance=30), Fault("1 % a day", creep=0.01, tolerance=20))
RATE_FAULTS = tuple(
    Fault(f"{size} % {name}", 1 - size / 100, days, tolerance=tolerance)
    for name, days, tolerance in (("three days", 3, 2), ("lasting", 10_000, 7))
    for size in (50, 60)
)


@dataclass(frozen=True)
class Case:
    """One fault in one series: `row` is the row of the background, `onset` the day."""

    row: int
    fault: Fault
    onset: int


def plant(background: Background, seed: int = 1) -> tuple[list[Case], Background]:
    """Return the cases and a background with one row per case, its fault planted; events are thinned at random, not scaled."""
    rng = np.random.default_rng(seed)
    faults = DROPS + CREEPS if background.denominator is None else RATE_FAULTS
    days = len(background.dates)
    cases, rows = [], []
    for row in range(len(background.names)):
        value = background.numerator[row]
        ordinary = np.nonzero(np.isfinite(value) & (value > 0) & ~background.events)[0]
        ordinary = ordinary[(ordinary >= WARM) & (ordinary < days - LEFT)]
        for fault in faults:
            for onset in rng.choice(ordinary, min(ONSETS, len(ordinary)), replace=False):
                cases.append(Case(row, fault, int(onset)))
                rows.append(_thinned(value, fault.factors(days, int(onset)), rng))
    which = [c.row for c in cases]
    names = tuple(f"{background.names[c.row]} {n}" for n, c in enumerate(cases))
    denominator = None if background.denominator is None else background.denominator[which]
    return cases, Background(background.source, names, background.dates, np.array(rows), denominator, background.events)


def _thinned(value: Floats, left: Floats, rng: np.random.Generator) -> Floats:
    known = np.isfinite(value)
    kept = rng.binomial(np.where(known, value, 0).astype(int), np.clip(left, 0, 1)).astype(float)
    return np.where(known, np.where(left < 1, kept, value), np.nan)
