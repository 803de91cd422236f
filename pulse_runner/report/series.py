"""Metrics over a period as a report tells them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pulse_runner import metrics
from pulse_runner.detect.bands import Band
from pulse_runner.report.contents import Series, Values
from pulse_runner.report.small import share_words, told_shares
from pulse_runner.vocabulary import count, number


def series_of(band: Band, segment_id: str, k: int) -> Series:
    """Return a metric of one segment as it may be told."""
    s = band.segment_ids.index(segment_id)
    part, whole = band.numerator[s], None if band.denominator is None else band.denominator[s]
    values = part if whole is None else told_shares(part, whole, k)
    rate = whole is not None

    def words(n: int) -> str:
        if len(part) < -n or n >= len(part):
            return "–"
        if whole is not None:
            return share_words(float(part[n]), float(whole[n]), k)
        return count(part[n]) if np.isfinite(part[n]) else "–"

    low, high = band.lower[s], band.upper[s]
    known = len(low) and np.isfinite(low[-1]) and np.isfinite(high[-1])
    return Series(
        metric=band.metric,
        label=metrics.label(band.metric),
        is_rate=rate,
        values=plain(values, rate),
        lower=plain(low, rate),
        upper=plain(high, rate),
        shown=words(-1),
        week_ago=words(-8),
        expected=f"{number(low[-1], rate)} to {number(high[-1], rate)}" if known else "–",
        said=band.told[s],
    )


def plain(values: Any, rate: bool) -> Values:
    """Return an array as numbers of a sensible length, None for what is not known.

    >>> plain(np.array([0.123456, np.nan]), True), plain(np.array([1234.56]), False)
    ((0.1235, None), (1234.6,))
    """
    digits = 4 if rate else 1
    rounded = np.round(np.asarray(values, float), digits).tolist()
    return tuple(
        None if v != v or v in (float("inf"), float("-inf")) else int(v) if v == int(v) else v for v in rounded
    )
