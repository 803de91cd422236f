"""How a metric is put on a scale where changes are relative and counting noise is known.

A count is followed as log(mean), a rate as logit(mean). The residual of an observation is its signed deviance residual (McCullagh and
Nelder 1989, 2.4.3) with a continuity correction, expressed on the link scale: near normal down to means of a few members, defined at
zero, and a residual of -0.1 is about 10 % down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.arrays import Floats

FLOOR = 0.375  # Anscombe's constant
TINY = 1e-12


def _nearer(k: Floats, mean: Floats) -> Floats:
    """Move a count by half a member towards its mean: the continuity correction of a discrete law."""
    out: Floats = np.where(k > mean, np.maximum(k - 0.5, mean), np.minimum(k + 0.5, mean))
    return out


@dataclass(frozen=True)
class CountLink:
    """Poisson counts with a log link."""

    def start(self, k: Floats, n: Floats | None) -> Floats:
        """Return the link-scale value of an observation."""
        out: Floats = np.log(k + FLOOR)
        return out

    def mean(self, level: Floats) -> Floats:
        """Return the expected count at a level."""
        out: Floats = np.exp(np.clip(level, -3.0, 25.0))
        return out

    def sampling(self, mean: Floats, n: Floats | None) -> Floats:
        """Return the link-scale variance that counting alone gives."""
        return 1.0 / (mean + FLOOR)

    def residual(self, k: Floats, n: Floats | None, mean: Floats, own: Floats) -> Floats:
        """Return (observed - mean) on the link scale; `own` is the part of the variance that is the days' own, not counting."""
        near = _nearer(k, mean)
        deviance = 2.0 * (near * np.log(np.maximum(near, TINY) / mean) - (near - mean))
        counted = np.sign(near - mean) * np.sqrt(np.maximum(deviance, 0.0)) / np.sqrt(mean + FLOOR)
        # a day's own noise is relative, hence even on the log scale
        out: Floats = own * np.log(np.maximum((k + FLOOR) / (mean + FLOOR), 0.02)) + (1.0 - own) * counted
        return out

    def value(self, k: Floats, n: Floats | None) -> Floats:
        """Return the metric in its own unit."""
        return k


@dataclass(frozen=True)
class RateLink:
    """Binomial rates with a logit link."""

    def start(self, k: Floats, n: Floats | None) -> Floats:
        """Return the link-scale value of an observation."""
        assert n is not None
        out: Floats = np.log((k + 0.5) / (n - k + 0.5))
        return out

    def mean(self, level: Floats) -> Floats:
        """Return the expected rate at a level."""
        out: Floats = 1.0 / (1.0 + np.exp(-np.clip(level, -12.0, 12.0)))
        return out

    def sampling(self, mean: Floats, n: Floats | None) -> Floats:
        """Return the link-scale variance that counting alone gives."""
        assert n is not None
        return 1.0 / ((n + 0.75) * mean * (1.0 - mean) + FLOOR)

    def residual(self, k: Floats, n: Floats | None, mean: Floats, own: Floats) -> Floats:
        """Return (observed - mean) on the link scale."""
        assert n is not None
        expected = n * mean
        # no continuity correction: it would take the last bit of evidence from segments with a few conversions a day
        rest, rest_expected = np.maximum(n - k, TINY), n - expected
        deviance = k * np.log(np.maximum(k, TINY) / expected) + rest * np.log(rest / np.maximum(rest_expected, TINY))
        root = np.sqrt(np.maximum(2.0 * deviance, 0.0))
        out: Floats = np.sign(k - expected) * root / np.sqrt(expected * (1.0 - mean) + FLOOR)
        return out

    def value(self, k: Floats, n: Floats | None) -> Floats:
        """Return the metric in its own unit."""
        assert n is not None
        with np.errstate(invalid="ignore", divide="ignore"):
            out: Floats = np.where(n > 0, k / n, np.nan)
        return out


Link = CountLink | RateLink
