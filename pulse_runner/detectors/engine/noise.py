"""The variance of a series' own days: what its days differ by beyond counting.

Each day's squared error, less the variance that counting gives, is an estimate of it. The estimates are averaged with exponential
forgetting, each weighted by the information that the day has about the variance, against an ordinary day: the square of its
precision (Fisher information of the variance of a normal law). A day with nothing in it has next to none, so a closed Sunday does
not move what Monday is judged by. The sums are signed, and the variance that is read from them is never below zero.
"""

from __future__ import annotations

import numpy as np

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors.engine.day import Day
from pulse_runner.detectors.engine.tuning import Tuning

FIRST = 0.05  # what days are taken to differ by before any was seen
FIRST_DAYS = 4.0  # days that this is worth
LEAST = 0.003  # no series is steadier
OUTLIER = 3.0  # spreads that an error counts at most
BELOW = 0.4  # of today's counting variance, that the average may be below zero


class Noise:
    """The own variance of S series: a weighted sum of estimates, and of weights."""

    def __init__(self, size: int, tuning: Tuning) -> None:
        self.keep = 1.0 - tuning.spread_pace
        self.days = np.full(size, FIRST_DAYS)
        self.sum = np.full(size, FIRST_DAYS * FIRST**2)

    @property
    def variance(self) -> Floats:
        """Return (S,): the variance of the days' own, at zero or above."""
        out: Floats = np.maximum(self.sum / self.days, 0.0)
        return out

    def learn(self, day: Day, learns: Bools, weight: Floats) -> None:
        """Take a day's squared error in; `weight` is the precision of the day against an ordinary one."""
        told = np.where(learns, weight**2, 0.0)
        excess = np.minimum(day.error**2, (OUTLIER * day.spread) ** 2) - day.sampling
        keep = self.keep**told
        self.days = keep * self.days + told
        # an average this far below nothing is no accident: it is left from days that told less than today does
        lowest = np.where(learns, -BELOW * day.sampling * self.days, -np.inf)
        self.sum = np.maximum(keep * self.sum + np.where(learns, told * excess, 0.0), lowest)
