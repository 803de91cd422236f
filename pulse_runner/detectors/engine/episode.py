"""Episodes: a series that left its usual state is out of it until it comes back, or until the new level has become the baseline.

The days of an episode teach nothing. Wald's sequential test (1945) of "it is back" against "it is still where it was" closes it. A level
that has lasted and no longer moves is accepted; for three weeks more, a return to the level before it is no surprise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors.engine.day import Day
from pulse_runner.detectors.engine.links import Link
from pulse_runner.detectors.engine.tuning import Tuning

MEMORY = 6.0 / 7.0  # of the counts that say where the new level is


class Episodes:
    """The episodes of S series. `dev`: how far a series is out of its state, as a residual; `counts`: observed and expected events of
    people in it, fading, from which its new level is read; `old`: where the baseline before the accepted one is."""

    def __init__(self, size: int, tuning: Tuning, link: Link) -> None:
        self.tuning, self.link = tuning, link
        self.counts = np.zeros((3, size))
        self.open, self.slow = np.zeros(size, bool), np.zeros(size, bool)
        self.start, self.days = np.full(size, -1, np.int64), np.zeros(size, np.int64)
        self.sign = np.zeros(size, np.int8)
        self.evidence, self.back_again = np.ones(size), np.zeros(size)
        self.dev, self.dev_slow = np.zeros(size), np.zeros(size)
        self.old, self.old_until = np.full(size, np.nan), np.full(size, -1, np.int64)

    def returned(self, day: Day) -> Bools:
        """Say which series went back to the level that held before the last accepted change."""
        apart = self._between(day.observed, day.expected, day.people) - self.old
        near = (np.abs(apart) < 2.0 * day.spread) & (np.abs(day.error) > 2.0 * day.spread)
        towards = ~self.open | (np.sign(self.old) == self.sign)
        out: Bools = day.ready & towards & (day.t <= self.old_until) & near
        return out

    def worsens(self, day: Day) -> Bools:
        """Say which episodes got a second, larger fault on top of the first one: they begin anew."""
        out: Bools = (
            day.ready
            & self.open
            & (np.abs(day.z) > self.tuning.escalate)
            & (np.abs(day.error) > 2.0 * np.abs(self.dev))
        )
        self.open &= ~out
        return out

    def go_on(self, day: Day, p: Floats) -> tuple[Bools, Bools]:
        """Take today into the open episodes; return which close, and which have become the baseline."""
        tune, going = self.tuning, day.use & self.open
        dev = np.maximum(np.abs(self.dev), 0.7 * day.spread)
        ratio = dev * (0.5 * dev - day.error * self.sign) / day.spread**2
        self.back_again = np.where(going, np.maximum(self.back_again + np.clip(ratio, -4.0, 6.0), 0.0), 0.0)
        beyond = (day.error * self.sign < 0) & ~self.slow & (np.abs(self.dev) > 1.5 * day.spread)
        closes = going & ((self.back_again > tune.close_at) | beyond | (self.dev * self.sign <= 0))
        self.days += going
        self._count(day, going & (self.back_again == 0.0))
        pace = 1.0 / np.minimum(self.days + 1.0, 7.0)
        self.dev += np.where(going & (self.back_again == 0.0), (day.error - self.dev) * pace, 0.0)
        self.dev_slow += np.where(going, (self.dev - self.dev_slow) / np.minimum(self.days + 1.0, 14.0), 0.0)
        moving = np.abs(self.dev) > tune.still_moving * np.abs(
            self.dev_slow
        )  # a creep that goes on is no new level yet
        lasted = (self.days >= tune.accept_after) & ~moving | (self.days >= tune.accept_latest)
        accepted = going & ~closes & lasted
        self.old = np.where(accepted, -self.shift(), self.old)
        self.old_until = np.where(accepted, day.t + tune.remember_old, self.old_until)
        # a fault that lasts is tested again every day: Bonferroni over its days
        self.evidence = np.minimum(self.evidence, p * (self.days + 1))
        return closes, accepted

    def shift(self) -> Floats:
        """Return (S,): how far the level of the episode is from the baseline."""
        observed, expected, people = self.counts
        return self._between(observed, expected, people)

    def _between(self, observed: Floats, expected: Floats, people: Floats) -> Floats:
        """Return how far observed events of people are from expected ones, as a level moves; a residual grows otherwise."""
        return self.link.start(observed, people) - self.link.start(expected, people)

    def _count(self, day: Day, which: Bools) -> None:
        today = np.stack([day.observed, day.expected, day.people])
        self.counts = np.where(which, MEMORY * self.counts + (1.0 - MEMORY) * today, self.counts)

    def begin(
        self,
        day: Day,
        opens: Bools,
        since: npt.NDArray[np.int64],
        sign: npt.NDArray[np.int8],
        dev: Floats,
        slow: Bools,
        p: Floats,
    ) -> None:
        """Open episodes that began on day `since`, `dev` away from the baseline."""
        self.start = np.where(opens, since, self.start)
        self.sign = np.where(opens, sign, self.sign).astype(np.int8)
        self.dev, self.dev_slow = np.where(opens, dev, self.dev), np.where(opens, dev, self.dev_slow)
        self.slow = np.where(opens, slow, self.slow)
        self.evidence = np.where(opens, p, self.evidence)
        self.days = np.where(opens, 1, self.days)
        self.back_again = np.where(opens, 0.0, self.back_again)
        self.counts[:, opens] = np.stack([day.observed, day.expected, day.people])[:, opens]
