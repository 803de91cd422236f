"""distribution_shift: the members of a segment are spread over an attribute's buckets in another way than before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from pulse_runner.arrays import Bools, Floats, iso
from pulse_runner.detectors.base import FALSE_ALARMS_A_YEAR, Assessment, Finding, Outcome, Settings, Usual
from pulse_runner.detectors.panel import DistributionPanel, Panels
from pulse_runner.vocabulary import Direction, percent

NULL = ("(null)", "null", "")
WINDOWS = (1, 2, 4)  # days that are taken together


@dataclass(frozen=True)
class DistributionShift(Usual):
    """Flag a distance between today's distribution and its baseline, and name the bucket that moved.

    The effect is the total variation distance with the part that noise alone gives taken off.
    """

    name: str = "distribution_shift"
    default_threshold: float = 0.20
    default_direction: Direction = "both"
    rank: int = 3
    is_daily: bool = True
    per_attribute: bool = True
    accepts_by_date: bool = True
    alpha: float = 0.0007
    min_history: int = 10

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge every attribute of every segment, save those that the segment's own rule moves.

        >>> from pulse_runner.detectors.engine.distribution_baseline import DistributionHistory
        >>> days = np.datetime64("2026-03-02") + np.arange(40)
        >>> members = np.tile([500.0, 300, 200, 0], (1, 40, 1)) + np.arange(40)[:, None] % 7 * [1, -1, 0, 0]
        >>> members[0, -1, [1, 3]] = members[0, -1, [3, 1]]
        >>> usable = np.ones((1, 40), bool)
        >>> history = DistributionHistory("country", ("vip",), ("DE", "FR", "AT", "france"), days, members, usable)
        >>> panels = Panels(distributions={"country": history.panel(39, usable)})
        >>> (a,) = DistributionShift().assess(panels, Settings(), days[-1], days[-1])
        >>> a.sentence(0, 0)
        'country looks recoded, FR to france: france is 29.6 % of members, 0.0 % expected, while FR fell to 0.0 %; ...'
        """
        chosen = [p for p in panels.distributions.values() if first <= p.date <= last]
        return [self._assess(p, settings, panels.constrained) for p in chosen]

    def headline(self, finding: Finding) -> str:
        """Return the attribute, how far it shifted, and the bucket that moved most."""
        return f"{finding.attribute} shifted by {percent(finding.effect, 0)}, most in {finding.bucket}"

    def _assess(
        self, panel: DistributionPanel, settings: Settings, constrained: frozenset[tuple[str, str]]
    ) -> Assessment:
        threshold, _, enabled = settings.vectors(self, panel.segment_ids, panel.attribute)
        enabled &= np.array([(s, panel.attribute) not in constrained for s in panel.segment_ids], bool)
        with np.errstate(invalid="ignore", divide="ignore"):
            tests = [window_test(panel, days) for days in WINDOWS]
        one = tests[0]
        each = np.array([np.where(_holds(one, t), t.p_value, 1.0) for t in tests])
        p, best = np.minimum(1.0, 2.0 * each.min(0)), each.argmin(0)
        effect = np.choose(best, [t.distance for t in tests])
        usable = np.isfinite(panel.members[:, :, -1]).all(1)
        history = panel.days >= self.min_history
        noise_floor = np.choose(best, [t.noise for t in tests])
        kind = np.full(p.shape, Outcome.QUIET, np.int8)
        kind[noise_floor > threshold] = Outcome.TOO_SMALL
        kind[~history] = Outcome.NEEDS_HISTORY
        kind[~usable] = Outcome.NO_DATA
        muted = np.zeros(p.shape, bool) if panel.excluded is None else panel.excluded
        kind[muted] = Outcome.MUTED
        kind[~enabled] = Outcome.DISABLED
        tested = usable & history & enabled & ~muted
        abnormal = tested & (p < self.alpha * settings.false_alarms(self, panel.segment_ids) / FALSE_ALARMS_A_YEAR)
        rows = np.arange(len(p))
        moved = one.apart_z.argmax(1)
        length = np.array(WINDOWS)[best]
        column = {name: value[:, None] for name, value in {
            "observed": one.observed[rows, moved], "expected": one.expected[rows, moved],
            "lower": np.maximum(one.expected - 1.96 * one.spread, 0.0)[rows, moved],
            "upper": np.minimum(one.expected + 1.96 * one.spread, 1.0)[rows, moved],
        }.items()}  # fmt: skip

        def say(s: int, _: int) -> str:
            return describe(panel, one, s, float(effect[s]), Outcome(int(kind[s])), self.min_history)

        return Assessment(
            detector=self.name, metric="distribution", attribute=panel.attribute, segment_ids=panel.segment_ids,
            entities=("",) * len(p), dates=np.array([panel.date]), kind=kind[:, None],
            eligible=abnormal[:, None], fresh=tested[:, None], p_value=np.where(tested, p, 1.0)[:, None],
            effect=effect[:, None], started=(panel.date - (length - 1).astype("timedelta64[D]"))[:, None],
            abnormal=abnormal[:, None], rebased=np.zeros((len(p), 1), bool),
            needs=np.where(~history, self.min_history - panel.days, np.nan)[:, None], threshold=threshold, sentence=say,
            grade=self.severity,
            bucket=lambda s, _: panel.buckets[int(moved[s])], **column,
        )  # fmt: skip


@dataclass(frozen=True)
class WindowTest:
    """The comparison of the last days, taken together, with the baseline; (S, K) per bucket, (S,) per segment."""

    observed: Floats
    expected: Floats
    spread: Floats
    apart_z: Floats
    distance: Floats
    noise: Floats
    p_value: Floats


def window_test(panel: DistributionPanel, days: int) -> WindowTest:
    """Compare the last `days` days with the baseline.

    Per bucket a z-score of the share (binomial counting noise plus the overdispersion of the segment's own days), over buckets the
    largest one with Sidak's correction. The distance is total variation, with what noise alone gives taken off.
    """
    counts = panel.members[:, :, -days:]
    totals = counts.sum(1)
    ok = np.isfinite(totals) & (totals > 0)
    counts = np.where(ok[:, None, :], counts, 0.0)
    totals = np.where(ok, totals, 0.0)
    total = totals.sum(1)
    trust = panel.weekday_days / (panel.weekday_days + 3.0)
    daily = panel.recent[:, :, None] + panel.offset[:, :, -days:] * trust[:, None, -days:]
    base = (np.clip(daily, 0.0, 1.0) * totals[:, None, :]).sum(2) / np.maximum(total, 1)[:, None]
    behind = 1.0 / np.maximum(panel.inverse_total, 1e-9) * panel.weight
    floor = 0.5 / (behind[:, None] + 1.0)
    expected = np.clip(base, floor, 1 - floor)
    observed = counts.sum(2) / np.maximum(total, 1)[:, None]
    binomial = expected * (1 - expected)
    own = np.maximum((panel.noise * 1.2533) ** 2 - binomial * panel.inverse_total[:, None], 0.0)
    used = np.maximum(ok.sum(1), 1)[:, None]
    variance = binomial / np.maximum(total, 1)[:, None] + own / used
    variance += (binomial * panel.inverse_total[:, None] + own) / np.maximum(panel.weight, 1)[:, None]
    variance += (0.5 / np.maximum(total, 1)[:, None]) ** 2
    spread = np.sqrt(variance)
    z = np.abs(observed - expected) / spread
    z = np.where((observed == 0) & (base <= floor), 0.0, z)
    k = len(panel.buckets)
    tail = 2 * ndtr(-z.max(1))
    p = -np.expm1(k * np.log1p(-np.minimum(tail, 1 - 1e-16)))
    noise = 0.5 * np.sqrt(2 / np.pi) * np.where(base > floor, spread, 0.0).sum(1)
    distance = 0.5 * np.abs(observed - np.clip(base, 0, 1)).sum(1)
    distance = np.sqrt(np.maximum(distance**2 - noise**2, 0.0))
    full: Bools = ok.all(1) & (panel.days > 0)
    return WindowTest(observed, expected, spread, z, np.where(full, distance, 0.0), noise, np.where(full, p, 1.0))


def _holds(one: WindowTest, several: WindowTest) -> Bools:
    """Say where today still shows what several days show: a burst that ended yesterday is over."""
    rows = np.arange(len(several.p_value))
    moved = several.apart_z.argmax(1)
    today, together = (t.observed[rows, moved] - t.expected[rows, moved] for t in (one, several))
    out: Bools = today * np.sign(together) >= 0.4 * np.abs(together)
    return out


def describe(panel: DistributionPanel, test: WindowTest, s: int, distance: float, kind: Outcome, needed: int) -> str:
    """Say which bucket moved and what kind of move it is."""
    name = panel.attribute
    if kind == Outcome.NEEDS_HISTORY:
        return f"The distribution of {name} needs {needed - panel.days[s]:.0f} more days of history."
    if kind == Outcome.NO_DATA:
        return f"The distribution of {name} has no usable snapshot on {iso(panel.date)}."
    if kind == Outcome.MUTED:
        return f"The distribution of {name} is not tested on {iso(panel.date)}: a known event or a confirmed incident."
    if kind == Outcome.DISABLED:
        return f"The distribution of {name} is not watched: switched off, or the segment's own rule moves it."
    change = test.observed[s] - test.expected[s]
    first = int(test.apart_z[s].argmax())
    other = int(np.where(np.arange(len(change)) == first, 0.0, -change * np.sign(change[first])).argmax())
    a, b = panel.buckets[first], panel.buckets[other]
    share, usual = test.observed[s, first], test.expected[s, first]
    moved = f"{a} is {percent(share, 1)} of members, {percent(usual, 1)} expected"
    gone, came = share < 0.1 * usual, test.observed[s, other] < 0.1 * test.expected[s, other]
    if a in NULL and change[first] > 0:
        what = f"Null burst in {name}: {moved}"
    elif gone and change[other] > 0.7 * -change[first]:
        what = f"{name} looks recoded, {a} to {b}: {moved}, while {b} rose to {percent(test.observed[s, other], 1)}"
    elif came and change[first] > 0.7 * -change[other]:
        what = f"{name} looks recoded, {b} to {a}: {moved}, while {b} fell to {percent(test.observed[s, other], 1)}"
    elif gone:
        what = f"A value of {name} all but vanished: {moved}"
    else:
        what = f"{name} shifted: {moved}"
    return f"{what}; {percent(distance, 1)} of members would have to move to restore the usual distribution."
