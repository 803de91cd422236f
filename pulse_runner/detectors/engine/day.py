"""What is known of one day: how far each series is from what was expected, and how sure that expectation was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.arrays import Bools, Floats


@dataclass(frozen=True)
class Day:
    """Day `t` of S series, on the link scale; all arrays (S,).

    `error` is the residual, `spread` the standard deviation of an ordinary day, `sampling` the part of its variance that
    counting alone gives. `ready` marks series that have enough history to be judged. `observed` and `expected` are counts, `people` the
    denominators of rates, ones for counts; `centre` is what was expected, on the link scale.
    """

    t: int
    weekday: int
    use: Bools
    ready: Bools
    error: Floats
    spread: Floats
    sampling: Floats
    observed: Floats
    expected: Floats
    people: Floats
    centre: Floats

    @property
    def z(self) -> Floats:
        """Return the standardised errors."""
        out: Floats = self.error / self.spread
        return out

    def capped(self, spreads: float) -> Floats:
        """Return the errors, at most so many spreads."""
        out: Floats = np.clip(self.error, -spreads * self.spread, spreads * self.spread)
        return out
