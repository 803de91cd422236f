"""How a metric is put on a scale where changes are relative and counting noise is known.

A count is followed as log(mean), a rate as logit(mean). The residual of an observation is measured with the variance-stabilising
transform of its law (Anscombe 1948: square root for Poisson, arcsine for binomial) and then expressed on the link scale, so that
small counts and zeros need no special case and a residual of -0.1 is about 10 % down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Floats

FLOOR = 0.375  # Anscombe's constant


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
        ratio = (k + FLOOR) / (mean + FLOOR)
        # a day's own noise is relative, hence even on the log scale; counting noise is even on the square root scale
        out: Floats = own * np.log(np.maximum(ratio, 0.02)) + (1.0 - own) * 2.0 * (np.sqrt(ratio) - 1.0)
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
        seen = np.arcsin(np.sqrt(np.clip((k + FLOOR) / (n + 2 * FLOOR), 0.0, 1.0)))
        hoped = np.arcsin(np.sqrt((n * mean + FLOOR) / (n + 2 * FLOOR)))
        out: Floats = 2.0 * (seen - hoped) / np.sqrt(mean * (1.0 - mean) + FLOOR / (n + 0.75))
        return out

    def value(self, k: Floats, n: Floats | None) -> Floats:
        """Return the metric in its own unit."""
        assert n is not None
        with np.errstate(invalid="ignore", divide="ignore"):
            out: Floats = np.where(n > 0, k / n, np.nan)
        return out


Link = CountLink | RateLink
