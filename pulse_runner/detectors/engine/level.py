"""The level of a series: several exponential filters, of which those that forecast best lately have the say.

A filter has a level at its own speed, and perhaps a part that returns to the level (Brown 1959; Harvey 1989, ch. 4). Their votes fall
with their past squared errors, as in the mixture of experts of Littlestone and Warmuth (1994). Updates are clipped, so an outlier
hardly teaches, and a day that tells little (a closed Sunday in a shop of thousands) teaches little.
"""

from __future__ import annotations

import numpy as np

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors.engine.day import Day
from pulse_runner.detectors.engine.tuning import Tuning

RISE, FALL = 0.1, 0.03  # pace of the precision of an ordinary day: a month without anybody is no ordinary day


class Level:
    """The filters of S series: (E, S) arrays, E filters. `count`: days seen; `age`: days since the level was last begun."""

    def __init__(self, size: int, tuning: Tuning) -> None:
        self.tuning = tuning
        self.gains, self.returns = (np.array(x)[:, None] for x in (tuning.gains, tuning.returns))
        self.level, self.back, self.loss = (np.zeros((len(tuning.gains), size)) for _ in range(3))
        self.count, self.age = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.precision = np.zeros(size)  # of an ordinary day

    def begin(self, which: Bools, value: Floats) -> None:
        """Set the level of some series to a first value."""
        self.level[:, which] = value[which]
        self.back[:, which], self.loss[:, which] = 0.0, 0.0

    def forecast(self) -> Floats:
        """Return (S,): the level that the filters expect today, by their votes."""
        vote = np.exp(-0.5 * (self.loss - self.loss.min(0)))
        self.each = self.level + self.back
        out: Floats = (vote * self.each).sum(0) / vote.sum(0)
        self.apart = self.each - out
        return out

    def move(self, by: Floats) -> None:
        """Shift all filters."""
        self.level += by

    def weight(self, day: Day) -> Floats:
        """Return (S,): what a day tells, against an ordinary day."""
        told = 1.0 / day.spread**2
        pace = np.where(self.precision == 0, 1.0, np.where(told > self.precision, RISE, FALL))
        self.precision += np.where(day.use, pace * (told - self.precision), 0.0)
        return np.minimum(1.0, told / np.maximum(self.precision, 1e-12))

    def learn(self, day: Day, learns: Bools, weight: Floats) -> None:
        """Move the filters by their clipped errors."""
        tune = self.tuning
        each = np.where(learns, day.error - self.apart, 0.0)
        limit = tune.clip * day.spread
        clipped = np.clip(each, -limit, limit) * weight
        gain = np.maximum(self.gains, 1.0 / (self.age + 1.0))
        self.loss = np.where(learns, tune.forget * self.loss + np.minimum(each / day.spread, 3.0) ** 2, self.loss)
        self.level += gain * clipped
        self.back = np.where(learns, tune.phi * (self.back + self.returns * clipped), self.back)
        self.count += learns
        self.age += learns
