"""The baseline of a distribution: from days of bucket counts to the few aggregates that a test needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pulse_runner.arrays import Bools, Days, Floats, weekdays
from pulse_runner.detectors.panel import DistributionPanel

WINDOW = 56  # days of baseline
TESTED = 4  # days up to today that are tested together
HALF_LIFE = 7.0  # of the recent share, in days
TRAIL = 7  # days that a baseline day is compared with to learn the noise


@dataclass(frozen=True)
class DistributionHistory:
    """Days of bucket counts: `members` (S, T, K), `usable` (S, T); what a replay has and a daily run never pulls."""

    attribute: str
    segment_ids: tuple[str, ...]
    buckets: tuple[str, ...]
    dates: Days
    members: Floats
    usable: Bools

    def panel(self, t: int, baseline: Bools, rebased: npt.NDArray[np.int64] | None = None) -> DistributionPanel:
        """Return the panel of day `t`. `baseline` (S, T) marks days that may be learned from; `rebased` (S,) is the index of the
        first day of an accepted level, 0 when there is none. Its buckets are those of the days that it looks at: one that is
        first seen later plays no part yet."""
        low = max(0, t - TESTED - WINDOW + 1)
        high = max(0, t - TESTED + 1)
        span = slice(low, high)
        buckets: Bools = np.asarray(self.members[:, low : t + 1].any((0, 1)))
        if not buckets.any():
            buckets = np.ones_like(buckets)
        counts = self.members[:, low : t + 1, buckets]
        size = counts[:, : high - low].sum(2)
        learn = baseline[:, span] & self.usable[:, span] & (size > 0)
        if rebased is not None:
            # right after a change was accepted, the days of the new level are also the days just tested
            learn &= np.arange(low, high) >= rebased[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(learn[..., None], counts[:, : high - low] / size[..., None], 0.0)
            inverse = np.where(learn, 1.0 / size, 0.0)
        weekday = weekdays(self.dates)
        fade = 0.5 ** (np.arange(high - low)[::-1] / HALF_LIFE) * learn
        days, weight = learn.sum(1).astype(float), fade.sum(1)
        recent = np.einsum("st,stk->sk", fade, share) / np.maximum(weight, 1e-9)[:, None]
        average = share.sum(1) / np.maximum(days, 1)[:, None]
        tested = list(range(t - TESTED + 1, t + 1))
        offset = np.zeros((len(self.segment_ids), counts.shape[2], TESTED))
        same_days = np.zeros((len(self.segment_ids), TESTED))
        members = np.full(offset.shape, np.nan)
        for w, i in enumerate(tested):
            if i < 0:
                continue
            same = learn & (weekday[span] == weekday[i])
            same_days[:, w] = same.sum(1)
            mean = np.einsum("st,stk->sk", same.astype(float), share) / np.maximum(same_days[:, w], 1)[:, None]
            offset[:, :, w] = np.where(same_days[:, [w]] > 0, mean - average, 0.0)
            members[:, :, w] = np.where(self.usable[:, [i]], counts[:, i - low], np.nan)
        effective = weight**2 / np.maximum((fade**2).sum(1), 1e-9)
        return DistributionPanel(
            attribute=self.attribute, date=self.dates[t], segment_ids=self.segment_ids,
            buckets=tuple(b for b, seen in zip(self.buckets, buckets, strict=True) if seen), members=members,
            recent=recent, offset=offset, noise=_noise(share, learn), inverse_total=inverse.sum(1) / np.maximum(days, 1),
            weight=effective, days=days, weekday_days=same_days, excluded=None,
        )  # fmt: skip


def _noise(share: Floats, learn: Bools) -> Floats:
    """Return (S, K): the mean absolute difference of a day's share from the mean of up to TRAIL usable days before it."""
    s, t, k = share.shape
    if t == 0:
        return np.zeros((s, k))
    sums = np.concatenate([np.zeros((s, 1, k)), np.cumsum(share, 1)], 1)
    counts = np.concatenate([np.zeros((s, 1)), np.cumsum(learn, 1)], 1)
    low = np.maximum(np.arange(t) - TRAIL, 0)
    before = sums[:, np.arange(t)] - sums[:, low]
    days = counts[:, np.arange(t)] - counts[:, low]
    use = learn & (days >= 3)
    apart = np.abs(share - before / np.maximum(days, 1)[..., None]) * use[..., None]
    # a mean of m days has an error of its own: sd * sqrt(1 + 1/m)
    apart /= np.sqrt(1 + 1 / np.maximum(days, 1))[..., None]
    out: Floats = apart.sum(1) / np.maximum(use.sum(1), 1)[:, None]
    return out
