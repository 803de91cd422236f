"""What the calendar does to a series beside its weekdays: month ends, and the days after known events.

A place in the month (its last day, its first) that is off three times in a row in the same way, far beyond ordinary days, is taken
over as an offset; an ordinary month takes it away again.
The two days after known events have an extra variance of their own, learned from earlier ones; before there were any, a cautious one.
The day before an event is as any other: a panel ends on the day that is judged, and a day must be judged alike whatever comes later.
Both follow the idea of intervention variables (Box and Tiao 1975), estimated one day at a time.
"""

from __future__ import annotations

import numpy as np

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors.panel import MetricPanel

AFTER = 2  # days
NEAR_FIRST, NEAR_DAYS = 0.08, 4.0  # what days after events are taken to differ by, and for how many days that counts
NEAR_KEEP, LARGEST = 0.97, 0.5  # of what was learned of them, a day of theirs later; a day counts at most this
FEWEST, CLEAR = 3, 3.0  # months in a row after which a place is believed, and spreads that their mean has to stand out
ODD = 2.0  # spreads from which on a month counts as off
KEEP = 0.9  # of a place in the month, a month later


class Calendar:
    """Offsets of places in the month, (2, S), and the variance of days after events, (S,)."""

    def __init__(self, panel: MetricPanel) -> None:
        days = panel.dates.astype("datetime64[D]")
        month = days.astype("datetime64[M]")
        first = days == month.astype("datetime64[D]")
        last = (days + 1).astype("datetime64[M]") != month
        self.place = np.where(last, 0, np.where(first, 1, -1))
        self.near = after(panel.excluded)
        size = len(panel.segment_ids)
        self.sum, self.months, self.spread = (np.zeros((2, size)) for _ in range(3))
        self.squares = np.full(size, NEAR_DAYS * NEAR_FIRST**2)
        self.days = np.full(size, NEAR_DAYS)

    def offset(self, t: int) -> Floats | float:
        """Return (S,): what day t is off by for its place in the month; 0 for most days."""
        place = int(self.place[t])
        if place < 0:
            return 0.0
        months = np.maximum(self.months[place], 1e-9)
        mean = self.sum[place] / months
        known = (self.months[place] > FEWEST - 0.5) & (np.abs(mean) * np.sqrt(months) > CLEAR * self.spread[place])
        return np.where(known, mean, 0.0)

    def variance(self, t: int) -> Floats | float:
        """Return (S,): the extra variance of day t for coming after a known event; 0 for most days."""
        if self.near is None:
            return 0.0
        return np.where(self.near[:, t], np.maximum(self.squares / self.days, 0.0), 0.0)

    def learn(self, t: int, shift: Floats, spread: Floats, which: Bools) -> None:
        """Take day t in: `shift` is what it was off by without its place in the month, `spread` that of an ordinary day."""
        place = int(self.place[t])
        if place >= 0:
            # an ordinary month, or an opposite one, takes the belief away
            same = (np.sign(shift) == np.sign(self.sum[place])) & (np.abs(shift) > ODD * spread)
            keep = np.where(which, np.where(same, KEEP, 0.0), 1.0)
            self.sum[place] = keep * self.sum[place] + np.where(which, shift, 0.0)
            self.months[place] = keep * self.months[place] + which
            self.spread[place] = np.where(which, spread, self.spread[place])
        if self.near is not None and self.near[:, t].any():
            now = which & self.near[:, t]
            keep = np.where(now, NEAR_KEEP, 1.0)
            self.squares = keep * self.squares + np.where(now, np.minimum(shift**2, LARGEST**2) - spread**2, 0.0)
            self.days = keep * self.days + now


def after(excluded: Bools | None) -> Bools | None:
    """Return (S, T): the days after events that are no events themselves."""
    if excluded is None or not excluded.any():
        return None
    out = np.zeros_like(excluded)
    for n in range(1, AFTER + 1):
        out[:, n:] |= excluded[:, :-n]
    return out & ~excluded
