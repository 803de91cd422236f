"""How surprising today is: leaky sums of the standardised errors, each held against its own usual size.

EWMA charts (Roberts 1959; Lucas and Saccucci 1990) at several speeds see a jump on its day and a weak shift after some. `nominal` reads
the largest from Student's law: counting noise is near normal and a day's own noise has heavy tails, so the excess kurtosis of their sum
sets the degrees of freedom.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors.engine.day import Day
from pulse_runner.detectors.engine.tuning import Tuning


class Surprise:
    """Leaky sums of S series: (K, S) arrays. `since`: the day a sum last changed its sign. `before`: the level on that day."""

    def __init__(self, size: int, tuning: Tuning) -> None:
        self.tuning = tuning
        self.leaks = np.array(tuning.leaks)[:, None]
        self.scale = np.sqrt(1.0 / (1.0 - self.leaks**2))
        self.sums, self.before = (np.zeros((len(tuning.leaks), size)) for _ in range(2))
        self.usual = np.ones((len(tuning.leaks), size))
        self.since = np.zeros((len(tuning.leaks), size), np.int64)
        self.rows = np.arange(size)

    def add(self, day: Day, learns: Bools, level: Floats) -> None:
        """Add today's error; afterwards `score`, `sign` and `best_...` tell of the largest standardised sum."""
        clip = self.tuning.sum_clip
        raw = np.where(self.leaks == 0.0, day.z, self.leaks * self.sums + np.clip(day.z, -clip, clip))
        flip = learns & (np.sign(raw) != np.sign(self.sums))
        self.since = np.where(flip | (self.leaks == 0.0), day.t, self.since)
        self.before = np.where(flip | (self.leaks == 0.0), level, self.before)
        score = raw / (self.scale * np.maximum(np.sqrt(self.usual), 1.0))
        best = np.abs(score).argmax(0)
        squares = np.minimum((raw / self.scale) ** 2, 9.0)
        self.usual = np.where(learns, self.usual + self.tuning.usual_pace * (squares - self.usual), self.usual)
        self.sums = np.where(learns, raw, self.sums)
        self.score = np.abs(score[best, self.rows])
        self.sign: npt.NDArray[np.int8] = np.sign(score[best, self.rows]).astype(np.int8)
        self.best_leak = self.leaks[best, 0]
        self.best_since, self.best_before = self.since[best, self.rows], self.before[best, self.rows]

    def nominal(self, own_share: Floats) -> Floats:
        """Return (S,): the one-sided p-value of the largest sum; `own_share` is the share of the days' own noise in the variance."""
        p = np.ones(len(self.score))
        far = np.flatnonzero(self.score > 1.6)  # the others are plainly ordinary
        df = 4.0 + self.tuning.tail / np.maximum(own_share[far], 0.05) ** 2
        p[far] = np.minimum(1.0, self.tuning.looks * stdtr(df, -self.score[far]))
        return p
