"""The rhythm of a series: what each weekday differs from the level by.

Offsets are learned a little every week (Holt 1957, Winters 1960). A weekday that leaves its state week after week, while the days
around it are as usual, is the rhythm and no fault: it is taken over the third time, or at once when it was never seen before. The days
of a long closure are no such weekdays, for their neighbours are closed too.
"""

from __future__ import annotations

import numpy as np

from pulse_runner.arrays import Bools, Floats, Ints
from pulse_runner.detectors.engine.day import Day
from pulse_runner.detectors.engine.tuning import Tuning

UNSEEN = 0.12  # what a weekday is taken to differ by before it was seen
ODD_WEEKS = 3
LONGEST = 2  # days in a row that may be an odd part of a week: a weekend


class Rhythm:
    """Offsets of S series: (7, S) arrays, Monday first. `seen`: how often. `odd`: the deviation of a weekday that was out of its state."""

    def __init__(self, size: int, tuning: Tuning) -> None:
        self.tuning = tuning
        self.week, self.seen = np.zeros((7, size)), np.zeros((7, size))
        self.odd, self.odd_weeks = np.zeros((7, size)), np.zeros((7, size), np.int64)
        self.pending, self.run = np.zeros((7, size)), np.zeros(size, np.int64)

    def uncertainty(self, weekday: int, variance: Floats) -> Floats:
        """Return (S,): the variance of a weekday's offset, from the variance of a day."""
        seen = self.seen[weekday]
        return np.where(seen == 0, UNSEEN**2, variance / np.maximum(seen, 1))

    def forget(self, which: Bools) -> None:
        """Know nothing of the weekdays of some series."""
        self.week[:, which] = self.seen[:, which] = 0.0

    def learn(self, day: Day, learns: Bools, count: Ints, shift: Floats) -> None:
        """Move today's offset by the clipped error; `count`: days that the series has been seen.

        A weekday that stands out in the first days of a series, before anything is judged, is taken over at once: a closed day is none
        that a clipped error could teach. `shift` is how far today is from what was expected.
        """
        odd = learns & ~day.ready & (count > 0) & (self.seen[day.weekday] == 0) & (np.abs(day.z) > self.tuning.clip)
        one = np.where(learns, day.capped(self.tuning.clip), 0.0)
        pace = np.maximum(self.tuning.week_pace, 1.0 / (self.seen[day.weekday] + 1.5)) * (count > 0)
        self.week[day.weekday] += np.where(odd, shift, pace * one)
        self.seen[day.weekday] += learns

    def centre(self, which: Bools) -> Floats:
        """Set the offsets of some series around zero; return (S,): what their level has to take over."""
        mean = np.where(which, self.week.mean(0), 0.0)
        self.week -= mean
        return mean

    def learn_odd(self, day: Day, shift: Floats, is_open: Bools, begins: Bools, closed: Bools) -> None:
        """Note the days on which a series is out of its state; when it came back soon, count them as odd weekdays and take known ones over.

        A weekday that was never seen in its usual state is taken over at once. `shift` is how far today is from what was expected,
        `begins`: what is out of its state since today. `closed`: the relation as a whole is, so the series is not judged.
        """
        unseen = begins & (self.seen[day.weekday] == 0)
        self.week[day.weekday] += np.where(unseen, shift, 0.0)
        self.seen[day.weekday, unseen] += 1
        out, usual = (day.use & is_open) | closed, day.use & ~is_open
        back = usual & (self.run > 0)
        if back.any():
            self._credit(back & (self.run <= LONGEST))
            self.pending[:, back] = 0.0
        self.run = np.where(out, self.run + 1, np.where(usual, 0, self.run))
        self.odd_weeks[day.weekday, usual] = 0
        self.pending[day.weekday] = np.where(out, shift, self.pending[day.weekday])

    def _credit(self, short: Bools) -> None:
        """Count the pending weekdays of some series as odd, and take over what was odd often enough."""
        noted = short & (self.pending != 0)
        same = noted & (np.sign(self.pending) == np.sign(self.odd))
        self.odd = np.where(same, 0.5 * (self.odd + self.pending), np.where(noted, self.pending, self.odd))
        self.odd_weeks = np.where(same, self.odd_weeks + 1, np.where(noted, 1, self.odd_weeks))
        known = noted & (self.odd_weeks >= ODD_WEEKS)
        self.week += np.where(known, self.odd, 0.0)
        self.seen[known] = ODD_WEEKS  # that is how well the new offset is known
        self.odd_weeks[known] = 0
