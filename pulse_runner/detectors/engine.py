"""Follow every series day by day: what is expected, how surprising today is, and whether the series is out of its usual state.

One pass over the days, all series at once. Each series is followed by several exponential filters (level at different speeds and a
part that returns to the level, after Brown 1959 and Harvey 1989 ch. 4) around common weekday offsets; the filters that forecast best
lately have the say. Updates are clipped, so an outlier hardly teaches. Surprise is added up over days with leaky sums of the
standardised forecast errors (EWMA charts, Roberts 1959; Lucas and Saccucci 1990), each held against its own usual size. A series that
leaves its state is in an *episode*: it learns nothing until it comes back, or until the new level has lasted and becomes the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from pulse_runner.detectors.base import Bools, Floats, MetricPanel
from pulse_runner.detectors.links import CountLink, Link, RateLink


@dataclass(frozen=True)
class Tuning:
    """Constants of the filter, calibrated on simulated series; one set for all metrics unless a detector says otherwise."""

    gains: tuple[float, ...] = (0.03, 0.03, 0.10, 0.30, 0.60)
    returns: tuple[float, ...] = (0.0, 0.35, 0.0, 0.0, 0.0)
    phi: float = 0.85
    leaks: tuple[float, ...] = (0.0, 0.6, 0.85, 0.95)
    alpha: float = 0.0015
    tail_df: float = 8.0
    looks: float = 2.5
    accept_after: int = 14
    remember_old: int = 21
    min_history: int = 5


@dataclass(frozen=True)
class Track:
    """What the engine says about S series on D days; all arrays (S, D), days as indices into the panel's dates."""

    value: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    sign: npt.NDArray[np.int8]
    started: npt.NDArray[np.int64]
    abnormal: Bools
    fresh: Bools
    rebased: Bools
    history: npt.NDArray[np.int64]
    usable: Bools
    spread: Floats


def link_of(panel: MetricPanel) -> Link:
    """Return the link for a panel: log for counts, logit for rates."""
    return CountLink() if panel.denominator is None else RateLink()


def track(panel: MetricPanel, first: int, tuning: Tuning) -> Track:
    """Follow all series of a panel and report on the days from index `first` on."""
    return _Filter(panel, tuning).run(first)


class _Filter:
    """The state of all series on one day. Names: S series, E filters, K leaky sums."""

    def __init__(self, panel: MetricPanel, tuning: Tuning) -> None:
        self.panel, self.tuning, self.link = panel, tuning, link_of(panel)
        size, filters, sums = len(panel.segment_ids), len(tuning.gains), len(tuning.leaks)
        self.level = np.zeros((size, filters))
        self.back = np.zeros((size, filters))
        self.loss = np.zeros((size, filters))
        self.week = np.zeros((size, 7))
        self.seen = np.zeros((size, 7))
        self.count = np.zeros(size, int)
        self.var = np.full(size, 0.05**2)
        self.sums = np.zeros((size, sums))
        self.usual = np.ones((size, sums))
        self.since = np.zeros((size, sums), int)
        self.before = np.zeros((size, sums))
        self.open = np.zeros(size, bool)
        self.start = np.full(size, -1)
        self.sign = np.zeros(size, np.int8)
        self.dev = np.zeros(size)
        self.days = np.zeros(size, int)
        self.old = np.full(size, np.nan)
        self.old_until = np.full(size, -1)

    def run(self, first: int) -> Track:
        panel = self.panel
        days = (panel.dates.astype("datetime64[D]").astype(int) + 3) % 7  # Monday 0
        usable = panel.usable
        out: list[tuple[npt.NDArray[np.generic], ...]] = []
        for t in range(len(panel.dates)):
            row = self.step(t, int(days[t]), usable[:, t])
            if t >= first:
                out.append(row)
        columns = [np.stack(c, axis=1) for c in zip(*out, strict=True)]
        return Track(*columns, usable=usable[:, first:], spread=columns[-1][:0])  # type: ignore[arg-type, misc]

    def step(self, t: int, day: int, use: Bools) -> tuple[npt.NDArray[np.generic], ...]:
        raise NotImplementedError
