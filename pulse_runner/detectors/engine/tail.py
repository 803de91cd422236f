"""The tail of each series: how often surprises of some size really come, learned from its own past ones.

A nominal p-value is put on the scale e = -log p, where a true model gives an exponential law. Surprises beyond a threshold are counted,
neighbouring days as one, and their excesses summed, falls and rises apart: peaks over threshold (Pickands 1975; Davison and Smith
1990). Rate and mean excess have conjugate priors, so the predictive tail is Pareto while few peaks were seen and becomes exponential
with the series' own scale. So with little history p-values are what the prior says, a bit wider than nominal, and after some dozen
peaks a stated false alarm rate is what happens, whatever the noise is like. A peak
teaches at most the excess that would alarm: a fault is of another law, and many alarms still raise what alarms. The past makes no
surprise rarer than its nominal p-value.  Everything is causal: a day is judged by the peaks before it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pulse_runner.arrays import Bools, Floats

EDGE = 3.2  # nominal p of .04 and less are peaks
PRIOR_DAYS, PRIOR_RATE = 300.0, 0.03  # how often peaks come, before any was seen, and for how many days that counts
PRIOR_PEAKS, PRIOR_EXCESS = 15.0, 1.0  # how far they go, and for how many peaks that counts
APART = 4  # days between two peaks, at least
FEWEST = 28  # days of history before a series' own tail is learned
KEEP = 0.9985  # of what was learned, a day later: a half-life of 15 months


class Tail:
    """Peaks of S series on both sides: (2, S) arrays, falls first."""

    def __init__(self, size: int, false_rate: Floats) -> None:
        """`false_rate` (2, S): alarms a day that each side may have."""
        self.allowed = false_rate
        self.days = np.full((2, size), PRIOR_DAYS)
        self.peaks = np.full((2, size), PRIOR_DAYS * PRIOR_RATE)
        self.shape = np.full((2, size), PRIOR_PEAKS)
        self.excess = np.full((2, size), PRIOR_PEAKS * PRIOR_EXCESS)
        self.last, self.height = np.full((2, size), -1000), np.zeros((2, size))

    def true(self, nominal: Floats, side: npt.NDArray[np.int64]) -> Floats:
        """Return (S,): how many surprises as large as today's come a day on its side, from one-sided nominal p-values."""
        out = np.maximum(nominal, np.exp(-EDGE))
        far = np.flatnonzero(nominal < np.exp(-EDGE))
        at = side[far], far
        beyond = -np.log(np.maximum(nominal[far], 1e-300)) - EDGE
        rate = self.peaks[at] / self.days[at]
        own = rate * (1.0 + beyond / self.excess[at]) ** -self.shape[at]
        out[far] = np.maximum(own, nominal[far])
        return out

    def learn(self, t: int, nominal: Floats, side: npt.NDArray[np.int64], learns: Bools) -> None:
        """Count today in; a larger surprise within days of a peak is the same peak, higher."""
        self.days += np.where(learns, 1.0 + (KEEP - 1.0) * self.days, 0.0)
        self.peaks *= np.where(learns, KEEP, 1.0)
        far = np.flatnonzero(learns & (nominal < np.exp(-EDGE)))
        if not len(far):
            return
        at = side[far], far
        with np.errstate(divide="ignore"):
            ratio = (self.peaks[at] / self.days[at] / self.allowed[at]) ** (1.0 / self.shape[at])
        limit = np.maximum(self.excess[at] * (ratio - 1.0), 1.0)
        beyond = np.minimum(-np.log(np.maximum(nominal[far], 1e-300)) - EDGE, limit)
        new = t - self.last[at] > APART
        keep = np.where(new, KEEP ** (1.0 / np.maximum(self.peaks[at] / self.days[at], 1e-3)), 1.0)
        before = np.where(new, 0.0, self.height[at])
        self.peaks[at] += new
        self.shape[at] = keep * self.shape[at] + new
        self.excess[at] = keep * self.excess[at] + np.maximum(beyond - before, 0.0)
        self.height[at] = np.maximum(beyond, before)
        self.last[at] = t
