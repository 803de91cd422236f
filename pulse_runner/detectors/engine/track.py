"""Follow every series day by day: what is expected, how surprising today is, and whether the series is out of its usual state.

One pass over the days, all series at once. What is remembered of the series is in small parts, each a file with its reference: the
`level`, the `rhythm` and the `calendar` give the expectation, the `noise` how far an ordinary day is from it, `surprise` adds the evidence
up, `tail` says how rare it is for this series, and an `episode` is what a series is in while it is out of its state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pulse_runner.arrays import Bools, Floats, Ints, weekdays
from pulse_runner.detectors.base import FALSE_ALARMS_A_YEAR
from pulse_runner.detectors.engine.calendar import Calendar
from pulse_runner.detectors.engine.day import Day
from pulse_runner.detectors.engine.episode import Episodes
from pulse_runner.detectors.engine.level import Level
from pulse_runner.detectors.engine.links import CountLink, Link, RateLink
from pulse_runner.detectors.engine.noise import LEAST, Noise
from pulse_runner.detectors.engine.rhythm import Rhythm
from pulse_runner.detectors.engine.surprise import Surprise
from pulse_runner.detectors.engine.tail import FEWEST, Tail
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import MetricPanel

BLOCK = 10_000  # series at a time bound the memory


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
    state = _State(panel, tuning, alpha)
    rows = []
    for t in range(min(_begin(panel, state.usable), first), len(panel.dates)):
        row = state.step(t)
        if t >= first:
            rows.append(row)
    return {name: np.stack([r[name] for r in rows], axis=1) for name in rows[0]}


def _begin(panel: MetricPanel, usable: Bools) -> int:
    """Return the first day on which there is anything to follow or a level was accepted: days before it change no state."""
    known: Bools = np.asarray(usable.any(0))
    if panel.rebased_on is not None:
        known |= np.isin(panel.dates, panel.rebased_on)
    return int(known.argmax()) if known.any() else len(panel.dates)


class _State:
    """All that is remembered of S series from one day to the next. Arrays have the series last: steps run over contiguous memory."""

    def __init__(self, panel: MetricPanel, tuning: Tuning, alpha: Floats) -> None:
        self.panel, self.tuning, self.alpha, self.link = panel, tuning, alpha, link_of(panel)
        self.usable = panel.usable
        self.ordinary = np.zeros(self.usable.shape, bool) if panel.ordinary is None else panel.ordinary & self.usable
        self.closed = panel.shut
        self.weekdays = weekdays(panel.dates)
        size = len(panel.segment_ids)
        self.level, self.rhythm, self.noise = Level(size, tuning), Rhythm(size, tuning), Noise(size, tuning)
        self.surprise, self.episodes = Surprise(size, tuning), Episodes(size, tuning, self.link)
        self.calendar = Calendar(panel)
        self.share = np.array([tuning.share_down, 1.0 - tuning.share_down])
        self.tail = Tail(size, self.share[:, None] * alpha)
        self.awaits = np.zeros(size, bool)
        self.blank = np.ones(size, bool)  # no day so far had anything in it

    def step(self, t: int) -> dict[str, npt.NDArray[np.generic]]:
        """Judge day t, then learn from it."""
        panel, link, weekday, use = self.panel, self.link, int(self.weekdays[t]), self.usable[:, t]
        closed = self.closed[:, t] & (self.level.count > 0)
        k = np.where(use | closed, panel.numerator[:, t], 0.0)
        n = None if panel.denominator is None else np.where(use | closed, panel.denominator[:, t], 1.0)
        self._begin_levels(t, weekday, use, link.start(k, n))
        self.blank &= ~(use & (k > 0))
        base = self.level.forecast()
        offset = self.calendar.offset(t)
        centre = base + self.rhythm.week[weekday] + offset
        mean = link.mean(centre)
        sampling = link.sampling(mean, n)
        own = np.maximum(self.noise.variance, LEAST**2)
        unsure = (own + sampling) / (self.level.age + 1.0) + self.rhythm.uncertainty(weekday, own + sampling)
        ordinary = own + sampling + unsure
        spread = np.sqrt(ordinary + self.calendar.variance(t))
        if not (np.isfinite(centre) & np.isfinite(spread)).all():
            lost = panel.segment_ids[int(np.argmin(np.isfinite(centre) & np.isfinite(spread)))]
            raise FloatingPointError(
                f"{panel.metric} of {lost}: no expectation on {panel.dates[t]}; this is a fault of Pulse."
            )
        error = np.where(use, link.residual(k, n, mean, own / (own + sampling)), 0.0)
        ready = use & (self.level.count >= self.tuning.min_history)
        people = np.ones(len(k)) if n is None else n
        day = Day(t, weekday, use, ready, error, spread, sampling, k, mean * people, people, centre)
        was_open, history = self.episodes.open.copy(), self.level.count.copy()
        p, accepted, returned, drift = self._judge(day, base, own / spread**2)
        shift = link.start(k, n) - centre
        self.rhythm.learn_odd(day, shift, self.episodes.open, (use & self.episodes.open & ~was_open) | closed, closed)
        self.calendar.learn(t, shift + offset, np.sqrt(ordinary), ready & ~was_open)
        self._learn(day, use & ~self.episodes.open & ~accepted & ~returned, shift)
        is_open = self.episodes.open
        if drift.any():
            centre = centre + drift
            mean = link.mean(centre)
        inside = 1.96 * spread
        return {
            "value": np.where(use, link.value(k, n), np.nan),
            "expected": mean, "lower": link.mean(centre - inside), "upper": link.mean(centre + inside),
            "p_value": np.where(is_open, self.episodes.evidence, p),
            "sign": np.where(is_open, self.episodes.sign, np.sign(error)).astype(np.int8),
            "started": np.where(is_open, self.episodes.start, t), "abnormal": is_open.copy(),
            "fresh": ~was_open | (self.episodes.start == t), "rebased": accepted, "history": history, "spread": spread,
            "sampling": sampling, "usable": use,
        }  # fmt: skip

    def _begin_levels(self, t: int, weekday: int, use: Bools, value: Floats) -> None:
        """Start the level of series that are new today, and of those whose new level a person or the lifecycle accepted.

        A series whose first days were empty starts again on the first that is not: they were closed, and no level.
        """
        again = use & self.blank & (self.level.count < self.tuning.min_history) & (self.panel.numerator[:, t] > 0)
        self.rhythm.forget(again)
        newborn = again | use & (self.level.count == 0)
        if newborn.any():
            self.level.begin(newborn, value)
        if self.panel.rebased_on is None:
            return
        self.awaits |= self.panel.rebased_on == self.panel.dates[t]
        now = self.awaits & use & (self.level.count > 0)
        if now.any():
            # weekdays and spread are kept
            self.level.begin(now, value - self.rhythm.week[weekday])
            self.surprise.sums[:, now] = 0.0
            self.level.age[now], self.episodes.open[now], self.awaits[now] = 1, False, False

    def _judge(self, day: Day, base: Floats, own_share: Floats) -> tuple[Floats, Bools, Bools, Floats]:
        """Open, go on with and close episodes; return today's p-values, which series accepted a level, which are back at an
        earlier one, and by how much the level of a slow change is taken back to where it was."""
        episodes, surprise = self.episodes, self.surprise
        surprise.add(day, day.ready & ~episodes.open, base)
        sign = surprise.sign
        side = (sign > 0).astype(np.int64)
        returned = episodes.returned(day)
        nominal = surprise.nominal(own_share)
        p = np.minimum(self.tail.true(nominal, side) / self.share[side], 1.0)
        p = np.where(day.ready & ~returned, p, 1.0)
        known = self.level.count >= FEWEST  # before that, most surprises are about what the level and the weekdays are
        self.tail.learn(day.t, nominal, side, day.ready & known & ~returned & ~episodes.open)
        bigger = episodes.worsens(day)
        ordinary = self.ordinary[:, day.t]  # a person said so: no episode begins or lasts on such a day
        opens = day.ready & ~episodes.open & ((p < self.alpha) | bigger) & ~returned & ~ordinary
        closes, accepted = episodes.go_on(day, p)
        closes |= episodes.open & ordinary
        accepted &= ~returned & ~ordinary
        self.level.move(np.where(accepted, episodes.shift(), 0.0) + np.where(returned, episodes.old, 0.0))
        self.level.age = np.where(accepted, 3, self.level.age)  # the new level is known from a few days only
        episodes.old = np.where(returned, -episodes.old, episodes.old)
        # the level has followed the first days of a slow change: take it back to where it was before
        single = (surprise.best_since >= day.t) | bigger
        drift = np.where(opens & ~single, surprise.best_before - self.level.each.mean(0), 0.0)
        dev = np.where(single, day.error, day.error * (1.0 - surprise.best_leak) - drift)
        since = np.where(bigger, day.t, np.minimum(surprise.best_since, day.t))
        self.level.move(drift)
        expected = self.link.mean(day.centre + drift) * day.people
        episodes.begin(replace(day, expected=expected), opens, since, sign, dev, ~single, p)
        episodes.open = (episodes.open | opens) & ~closes & ~accepted & ~returned
        surprise.sums[:, opens | closes | accepted | returned | ordinary] = 0.0
        return p, accepted, returned, drift

    def _learn(self, day: Day, learns: Bools, shift: Floats) -> None:
        """Let the day teach: not while a series is out of its state, nor on the day on which its level changes."""
        count = self.level.count.copy()
        weight = self.level.weight(day)
        self.rhythm.learn(day, learns, count, shift)
        self.noise.learn(day, learns & (count > 0), weight)
        self.level.learn(day, learns, weight)
        self.level.move(self.rhythm.centre(day.use & (count > 6)))
