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
from scipy.special import stdtr

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors.base import FALSE_ALARMS_A_YEAR
from pulse_runner.detectors.engine.links import CountLink, Link, RateLink
from pulse_runner.detectors.panel import MetricPanel

Ints = npt.NDArray[np.int64]
BLOCK = 10_000  # series at a time bound the memory


@dataclass(frozen=True)
class Tuning:
    """Constants of the filter, calibrated on simulated series; one set for all metrics unless a detector says otherwise."""

    gains: tuple[float, ...] = (0.02, 0.03, 0.08, 0.3, 0.9)  # of the level, one per filter
    returns: tuple[float, ...] = (0.0, 0.35, 0.0, 0.0, 0.0)  # gain of the part that returns to the level
    phi: float = 0.85  # how much of that part is left a day later
    leaks: tuple[float, ...] = (0.0, 0.6, 0.85, 0.95)  # of the sums; 0 is the day on its own
    share_down: float = 0.8  # of the false alarms that are spent on falls: they cost more, and are what breaks
    looks: float = 0.8  # sets p-values to how often a clean series really leaves its state in a day
    tail: float = 6.0  # heaviness of a day's own noise, smaller is heavier
    clip: float = 2.5  # an error teaches at most so many spreads
    sum_clip: float = 4.0  # and adds at most so many to the sums
    forget: float = 0.97  # of the filters' past errors
    spread_pace: float = 0.02
    week_pace: float = 0.06
    usual_pace: float = 0.007
    accept_after: int = 14  # days until a new level is the baseline
    still_moving: float = 1.08  # unless the deviation still grows by more than this
    accept_latest: int = 28  # and even then
    close_at: float = 3.0  # evidence, as log likelihood ratio, that the series is back
    escalate: float = 5.0  # a second fault on top of the first has to stand out so far
    remember_old: int = 21  # days for which the level before an accepted one is no surprise
    min_history: int = 5


@dataclass(frozen=True)
class Track:
    """What the engine says about S series on D days; all arrays (S, D), `started` as index into the panel's dates (-1: none).

    `abnormal`: in an episode. `fresh`: not yet in an episode the day before. `rebased`: the new level became the baseline today.
    `spread`: standard deviation of an ordinary day on the link scale. `sampling`: the part of it that counting alone gives.
    """

    value: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    sign: npt.NDArray[np.int8]
    started: Ints
    abnormal: Bools
    fresh: Bools
    rebased: Bools
    history: Ints
    spread: Floats
    sampling: Floats
    usable: Bools


def link_of(panel: MetricPanel) -> Link:
    """Return the link for a panel: log for counts, logit for rates."""
    return CountLink() if panel.denominator is None else RateLink()


def track(panel: MetricPanel, first: int, tuning: Tuning, false_alarms: float | Floats = FALSE_ALARMS_A_YEAR) -> Track:
    """Follow all series of a panel and report on the days from index `first` on; `false_alarms` a year, one or one per series."""
    alpha = np.broadcast_to(np.asarray(false_alarms, float) / 365.0, len(panel.segment_ids))
    parts = [
        _follow(panel.rows(slice(low, low + BLOCK)), first, tuning, alpha[low : low + BLOCK])
        for low in range(0, max(len(panel.segment_ids), 1), BLOCK)
    ]
    return Track(**{name: np.concatenate([p[name] for p in parts]) for name in parts[0]})


def _follow(panel: MetricPanel, first: int, tuning: Tuning, alpha: Floats) -> dict[str, npt.NDArray[np.generic]]:
    filters = _Filters(panel, tuning, alpha)
    weekdays = (panel.dates.astype("datetime64[D]").astype(int) + 3) % 7  # Monday is 0
    rows = []
    for t in range(min(_begin(panel, filters.usable), first), len(panel.dates)):
        row = filters.step(t, int(weekdays[t]))
        if t >= first:
            rows.append(row)
    return {name: np.stack([r[name] for r in rows], axis=1) for name in rows[0]}


def _begin(panel: MetricPanel, usable: Bools) -> int:
    """Return the first day on which there is anything to follow or a level was accepted: days before it change no state."""
    known: Bools = np.asarray(usable.any(0))
    if panel.rebased_on is not None:
        known |= np.isin(panel.dates, panel.rebased_on)
    return int(known.argmax()) if known.any() else len(panel.dates)


class _Filters:
    """The state of all series on one day.

    Shapes: (S,) of series, (E, S) of filters, (K, S) of leaky sums, (7, S) of weekdays: series last, so that each step is a few
    passes over contiguous memory.
    """

    def __init__(self, panel: MetricPanel, tuning: Tuning, alpha: Floats) -> None:
        self.alpha = alpha
        self.panel, self.tuning, self.link = panel, tuning, link_of(panel)
        self.usable = panel.usable
        size, filters, sums = len(panel.segment_ids), len(tuning.gains), len(tuning.leaks)
        self.gains, self.returns, self.leaks = (
            np.array(x)[:, None] for x in (tuning.gains, tuning.returns, tuning.leaks)
        )
        self.level = np.zeros((filters, size))
        self.back = np.zeros((filters, size))
        self.loss = np.zeros((filters, size))
        self.week = np.zeros((7, size))
        self.seen = np.zeros((7, size))
        self.count, self.age = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.var, self.weight = np.full(size, 0.05**2), np.full(size, 3.0)
        self.sums = np.zeros((sums, size))
        self.usual = np.ones((sums, size))
        self.since = np.zeros((sums, size), np.int64)
        self.before = np.zeros((sums, size))
        self.odd, self.odd_weeks = np.zeros((7, size)), np.zeros((7, size), np.int64)
        self.open, self.slow = np.zeros(size, bool), np.zeros(size, bool)
        self.start = np.full(size, -1, np.int64)
        self.sign = np.zeros(size, np.int8)
        self.evidence, self.awaits = np.ones(size), np.zeros(size, bool)
        self.back_again, self.dev_slow = np.zeros(size), np.zeros(size)
        self.dev, self.days = np.zeros(size), np.zeros(size, np.int64)
        self.old, self.old_until = np.full(size, np.nan), np.full(size, -1, np.int64)

    def step(self, t: int, day: int) -> dict[str, npt.NDArray[np.generic]]:
        """Judge day t, then learn from it."""
        tune, link, panel = self.tuning, self.link, self.panel
        use = self.usable[:, t]
        k = np.where(use, panel.numerator[:, t], 0.0)
        n = None if panel.denominator is None else np.where(use, panel.denominator[:, t], 1.0)
        newborn = use & (self.count == 0)
        if newborn.any():
            self.level[:, newborn] = link.start(k, n)[newborn]
        self._accept(t, day, use, k, n)
        forecasts = self.level + self.back + self.week[day]
        vote = np.exp(-0.5 * (self.loss - self.loss.min(0)))
        vote /= vote.sum(0)
        centre = (vote * forecasts).sum(0)
        mean = link.mean(centre)
        sampling = link.sampling(mean, n)
        unseen = np.where(self.seen[day] == 0, 0.12**2, (self.var + sampling) / np.maximum(self.seen[day], 1))
        spread2 = (np.maximum(self.var, 0.003**2) + sampling) * (1 + 1 / (self.age + 1.0)) + unseen
        spread = np.sqrt(spread2)
        error = np.where(
            use, link.residual(k, n, mean, np.maximum(self.var, 0.0) / (np.maximum(self.var, 0.0) + sampling)), 0.0
        )
        z = error / spread
        ready = use & (self.count >= tune.min_history)
        was_open, history = self.open.copy(), self.count.copy()
        scores, sign = self._surprise(z, ready & ~was_open, t, centre - self.week[day])
        share = np.where(sign < 0, tune.share_down, 1.0 - tune.share_down)
        p = np.ones(len(scores))
        far = np.flatnonzero(ready & (scores > 2.3))  # the others are plainly ordinary: p = 1
        # counting noise is near normal, a day's own noise has heavy tails: the excess kurtosis of their sum sets the degrees of freedom
        own = np.maximum(self.var, 0.003**2)[far] / spread2[far]
        df = 4.0 + tune.tail / np.maximum(own, 0.05) ** 2
        p[far] = np.minimum(1.0, tune.looks * stdtr(df, -scores[far]) / share[far])
        returned = self._returned(t, error, spread, scores, ready)
        p = np.where(ready & ~returned, p, 1.0)
        rebased = self._episodes(t, use, ready, z, error, spread, sign, p, returned)
        self._learn_weekday(use, day, error)
        self._learn(use & ~self.open & ~rebased, day, error, spread, forecasts - centre, sampling, returned)
        inside = 1.96 * spread
        return {
            "value": np.where(use, link.value(k, n), np.nan),
            "expected": mean, "lower": link.mean(centre - inside), "upper": link.mean(centre + inside),
            "p_value": np.where(self.open, self.evidence, p),
            "sign": np.where(self.open, self.sign, np.sign(error)).astype(np.int8),
            "started": np.where(self.open, self.start, t), "abnormal": self.open.copy(), "fresh": ~was_open | (self.start == t),
            "rebased": rebased, "history": history, "spread": spread, "sampling": sampling,
            "usable": use,
        }  # fmt: skip

    def _accept(self, t: int, day: int, use: Bools, k: Floats, n: Floats | None) -> None:
        """Start the level anew on the first usable day of a level that was accepted; weekdays and spread are kept."""
        if self.panel.rebased_on is None:
            return
        self.awaits |= self.panel.rebased_on == self.panel.dates[t]
        now = self.awaits & use & (self.count > 0)
        if now.any():
            self.level[:, now] = (self.link.start(k, n) - self.week[day])[now]
            self.back[:, now], self.sums[:, now], self.loss[:, now] = 0.0, 0.0, 0.0
            self.age[now], self.open[now], self.awaits[now] = 1, False, False

    def _surprise(self, z: Floats, ready: Bools, t: int, base: Floats) -> tuple[Floats, npt.NDArray[np.int8]]:
        """Add today's error to the leaky sums; return the largest standardised sum and its sign."""
        clipped = np.clip(z, -self.tuning.sum_clip, self.tuning.sum_clip)
        raw = np.where(self.leaks == 0.0, z, self.leaks * self.sums + clipped)
        scale = np.sqrt(1.0 / (1.0 - self.leaks**2))
        flip = ready & (np.sign(raw) != np.sign(self.sums))
        self.since = np.where(flip | (self.leaks == 0.0), t, self.since)
        self.before = np.where(flip | (self.leaks == 0.0), base, self.before)
        score = raw / (scale * np.maximum(np.sqrt(self.usual), 1.0))
        best = np.abs(score).argmax(0)
        rows = np.arange(len(z))
        self.best_leak = self.leaks[best, 0]
        self.best_since, self.best_before = self.since[best, rows], self.before[best, rows]
        self.usual = np.where(
            ready, self.usual + self.tuning.usual_pace * (np.minimum((raw / scale) ** 2, 9.0) - self.usual), self.usual
        )
        self.sums = np.where(ready, raw, self.sums)
        return np.abs(score[best, rows]), np.sign(score[best, rows]).astype(np.int8)

    def _returned(self, t: int, error: Floats, spread: Floats, scores: Floats, ready: Bools) -> Bools:
        """Say which series went back to the level that held before the last accepted change."""
        apart = error - self.old
        back: Bools = (
            ready & ~self.open & (t <= self.old_until) & (np.abs(apart) < 2.0 * spread) & (np.abs(error) > 2.0 * spread)
        )
        return back

    def _episodes(
        self, t: int, use: Bools, ready: Bools, z: Floats, error: Floats, spread: Floats,
        sign: npt.NDArray[np.int8], p: Floats, returned: Bools,
    ) -> Bools:  # fmt: skip
        """Open, close and re-base episodes; return where a level became the baseline today."""
        tune = self.tuning
        bigger = ready & self.open & (np.abs(z) > tune.escalate) & (np.abs(error) > 2.0 * np.abs(self.dev))
        self.open &= ~bigger  # a second, larger fault on top of the first one
        opens = ready & ~self.open & ((p < self.alpha) | bigger) & ~returned
        ongoing = use & self.open
        # Wald's sequential test of "it is back" against "it is still where it was"
        dev = np.maximum(np.abs(self.dev), 0.7 * spread)
        ratio = dev * (0.5 * dev - error * self.sign) / spread**2
        self.back_again = np.where(ongoing, np.maximum(self.back_again + np.clip(ratio, -4.0, 6.0), 0.0), 0.0)
        across = (error * self.sign < 0) & ~self.slow & (np.abs(self.dev) > 1.5 * spread) | (self.dev * self.sign <= 0)
        closes = ongoing & ((self.back_again > tune.close_at) | across)
        self.days = np.where(ongoing, self.days + 1, self.days)
        pace = 1.0 / np.minimum(self.days + 1.0, 7.0)
        self.dev = np.where(ongoing & (self.back_again == 0.0), self.dev + (error - self.dev) * pace, self.dev)
        self.dev_slow = np.where(
            ongoing, self.dev_slow + (self.dev - self.dev_slow) / np.minimum(self.days + 1.0, 14.0), self.dev_slow
        )
        moving = np.abs(self.dev) > tune.still_moving * np.abs(
            self.dev_slow
        )  # a creep that goes on is no new level yet
        lasted = (self.days >= tune.accept_after) & ~moving | (self.days >= tune.accept_latest)
        rebased = ongoing & ~closes & lasted
        self.age = np.where(rebased, 3, self.age)  # the new level is known from a few days only
        self.old = np.where(rebased, -self.dev, self.old)
        self.old_until = np.where(rebased, t + tune.remember_old, self.old_until)
        self.level += np.where(rebased, self.dev, 0.0)
        self.level += np.where(returned, self.old, 0.0)
        self.old = np.where(returned, -self.old, self.old)
        # the level has followed the first days of a slow change: take it back to where it was before
        drift = np.where(opens, self.best_before - (self.level + self.back).mean(0), 0.0)
        single = (self.best_since >= t) | bigger
        self.level += np.where(opens & ~single, drift, 0.0)
        self.start = np.where(opens, np.where(bigger, t, np.minimum(self.best_since, t)), self.start)
        self.sign = np.where(opens, sign, self.sign).astype(np.int8)
        self.dev = np.where(opens, np.where(single, error, error * (1.0 - self.best_leak) - drift), self.dev)
        self.slow = np.where(opens, ~single, self.slow)
        # a fault that lasts is tested again every day: Bonferroni over its days
        self.evidence = np.where(opens, p, np.minimum(self.evidence, p * (self.days + 1)))
        self.dev_slow = np.where(opens, self.dev, self.dev_slow)
        self.days = np.where(opens, 1, self.days)
        self.open = (self.open | opens) & ~closes & ~rebased
        self.sums[:, opens | closes | rebased] = 0.0
        return rebased

    def _learn_weekday(self, use: Bools, day: int, error: Floats) -> None:
        """Take over a weekday that is odd week after week: it is the rhythm, not a fault.

        A weekday never seen in its usual state is taken over at once, any other one the third time in a row.
        """
        short = use & self.open & (self.days <= 2)
        same = np.sign(error) == np.sign(self.odd[day])
        self.odd[day] = np.where(short, np.where(same, 0.5 * (self.odd[day] + error), error), self.odd[day])
        self.odd_weeks[day] = np.where(short, np.where(same, self.odd_weeks[day] + 1, 1), self.odd_weeks[day])
        self.odd_weeks[day, use & ~self.open] = 0
        known = (self.odd_weeks[day] >= 3) | ((self.odd_weeks[day] >= 1) & (self.seen[day] == 0))
        learn = short & known
        self.week[day] += np.where(learn, self.odd[day], 0.0)
        self.seen[day, learn] += 1
        self.odd_weeks[day, learn] = 0

    def _learn(
        self, use: Bools, day: int, error: Floats, spread: Floats, apart: Floats, sampling: Floats, returned: Bools
    ) -> None:
        """Move levels, weekday offsets, votes and the usual spread by a clipped error."""
        tune = self.tuning
        each = np.where(use, error - apart, 0.0)
        limit = tune.clip * spread
        clipped = np.clip(each, -limit, limit)
        gain = np.maximum(self.gains, 1.0 / (self.age + 1.0))
        self.loss = np.where(use, tune.forget * self.loss + np.minimum(each / spread, 3.0) ** 2, self.loss)
        self.level += gain * clipped
        self.back = np.where(use, tune.phi * (self.back + self.returns * clipped), self.back)
        one = np.clip(np.where(use, error, 0.0), -limit, limit)
        pace = np.maximum(tune.week_pace, 1.0 / (self.seen[day] + 1.5)) * (self.count > 0)
        self.week[day] += np.where(use, pace * one, 0.0)
        self.week -= np.where(use & (self.count > 6), self.week.mean(0), 0.0)
        self.seen[day] += use
        excess = np.minimum(error**2, (3 * spread) ** 2) - sampling
        rate = np.maximum(tune.spread_pace, 1.0 / (self.weight + 1.0))
        self.var = np.where(
            use & (self.count > 0), np.maximum(self.var + rate * (excess - self.var), -0.5 * sampling), self.var
        )
        self.weight = np.where(use, self.weight + 1, self.weight)
        self.count, self.age = self.count + use, self.age + use
