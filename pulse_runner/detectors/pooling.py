"""Partial pooling: a small segment's rate is judged by what the other segments of its entity did that day.

With three conversions a day a segment cannot know by itself that today is a slow day for everybody. The others can tell. So the rate
that is expected of a segment moves with theirs. How much it does is an empirical Bayes estimate (after James and Stein 1961; Efron and
Morris 1975): it begins at "as the others do", and a segment with counts enough moves it to what its own days have shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from pulse_runner.arrays import Bools, Floats, Ints, weekdays
from pulse_runner.detectors.base import Assessment
from pulse_runner.detectors.engine.story import Story, sentence_of
from pulse_runner.detectors.engine.track import Track
from pulse_runner.detectors.panel import MetricPanel

BELIEF = (
    4.0  # how sure it is, before a segment's own days are known, that it moves as the others do: give or take a half
)
FORGET = 0.99  # a day, of how it did
DAYS_OWN = 0.02  # variance of a segment's own days beside counting
SLOW = 0.05  # gain a day of the usual moves and counts
WEEKLY = 0.15  # gain a week of what is usual on a weekday
WEEKS = 4  # of each weekday behind the reference
MOST = float(np.log(20.0))  # a move is never taken for more


@dataclass(frozen=True)
class Pooled:
    """A panel of rates whose denominators carry what the other segments did: `members` (S, T) are the real ones."""

    panel: MetricPanel
    members: Floats

    def unpooled(self, a: Assessment) -> Assessment:
        """Return the assessment in the real rates: the expectation has moved with the others."""
        at = int((a.dates[0] - self.panel.dates[0]).astype(int))
        times = self._times(slice(at, at + len(a.dates)))
        moved = {name: np.minimum(getattr(a, name) * times, 1.0) for name in ("observed", "expected", "lower", "upper")}
        return replace(a, **moved)

    def sentences(self) -> Callable[[Story], str]:
        """Return the function that says what became of a test, in the real rates."""
        real: dict[int, Track] = {}

        def say(story: Story) -> str:
            track = story.track
            if id(track) not in real:
                start = int((story.day - self.panel.dates[0]).astype(int)) - story.d
                times = self._times(slice(start, start + track.value.shape[1]))
                value, expected, lower, upper = (
                    np.minimum(x * times, 1.0) for x in (track.value, track.expected, track.lower, track.upper)
                )
                real[id(track)] = replace(track, value=value, expected=expected, lower=lower, upper=upper)
            return sentence_of(replace(story, track=real[id(track)]))

        return say

    def _times(self, days: slice) -> Floats:
        """Return by what the denominators were multiplied."""
        assert self.panel.denominator is not None
        members = self.members[:, days]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(members > 0, self.panel.denominator[:, days] / members, 1.0)


def groups(panel: MetricPanel, entities: Mapping[str, str]) -> dict[str, list[int]]:
    """Return the rows of the segments of each entity that has two or more; one segment is not a relation of its own."""
    found: dict[str, list[int]] = {}
    for n, segment in enumerate(panel.segment_ids):
        found.setdefault(entities.get(segment, ""), []).append(n)
    return {e: rows for e, rows in sorted(found.items()) if e and len(rows) >= 2}


def together(panel: MetricPanel, members: Mapping[str, list[int]]) -> MetricPanel:
    """Return the sums over the segments of each entity; a day without any usable one is not known."""
    use = panel.usable | panel.shut  # a day that is left out is still a day

    def added(values: Floats) -> Floats:
        known = np.where(use, values, 0.0)
        return np.array([np.where(use[rows].any(0), known[rows].sum(0), np.nan) for rows in members.values()])

    def of_all(mask: Bools | None) -> Bools | None:
        return None if mask is None else np.array([mask[rows].all(0) for rows in members.values()])

    return MetricPanel(
        panel.metric, tuple(members), panel.dates, added(panel.numerator),
        None if panel.denominator is None else added(panel.denominator), of_all(panel.excluded), closed=of_all(panel.closed),
    )  # fmt: skip


def pool(panel: MetricPanel, entities: Mapping[str, str]) -> Pooled:
    """Return the panel with each segment's denominators multiplied by what the others did that day.

    The engine then follows a segment's rate in proportion to the others. Day d uses nothing later than d. A segment whose entity is not
    known, or has no other segment, stays as it is.
    """
    assert panel.denominator is not None
    members = panel.denominator
    use = panel.usable
    counts, whole = (np.where(use, x, 0.0) for x in (panel.numerator, members))
    factor = np.ones(counts.shape)
    weekday = weekdays(panel.dates)
    for rows in groups(panel, entities).values():
        factor[rows] = np.exp(_moves(counts[rows], whole[rows], use[rows], weekday))
    # never fewer members than converted
    adjusted = np.where(use, np.maximum(members * factor, panel.numerator), members)
    return Pooled(replace(panel, denominator=adjusted), members)


def _moves(counts: Floats, members: Floats, use: Bools, weekday: Ints) -> Floats:
    """Return (S, T): how far each segment's log rate is expected to be from usual, from what the others did."""
    others, among = counts.sum(0) - counts, members.sum(0) - members
    known = use & (among > 0) & ((use.sum(0) - use) > 0)
    _, level, best = _away(others, among, known, weekday)
    own, _, _ = _away(counts, members, known, weekday)
    # how much a segment moves with the others: learned from its days where its counts tell, one where they do not
    noise = 1.0 / (_usual(counts, known) + 0.5) + DAYS_OWN
    with_others, of_others = own * best / noise, best**2 / noise
    share, top, bottom = np.ones(len(counts)), np.zeros(len(counts)), np.zeros(len(counts))
    out = np.zeros(counts.shape)
    for t in range(counts.shape[1]):
        out[:, t] = np.where(known[:, t], share * np.clip(level[:, t] + best[:, t], -MOST, MOST), 0.0)
        top = np.where(known[:, t], FORGET * top + with_others[:, t], top)
        bottom = np.where(known[:, t], FORGET * bottom + of_others[:, t], bottom)
        share = np.clip((top + BELIEF) / (bottom + BELIEF), 0.0, 1.5)
    return out


def _usual(counts: Floats, known: Bools) -> Floats:
    """Return the mean of a segment's counts up to each day."""
    out: Floats = np.cumsum(np.where(known, counts, 0.0), 1) / np.maximum(np.cumsum(known, 1), 1)
    return out


def _away(counts: Floats, members: Floats, known: Bools, weekday: Ints) -> tuple[Floats, Floats, Floats]:
    """Return how far a log rate is from its usual one, how far that is from where it began, and how far the day really was.

    What is usual is kept per weekday. The last one is shrunk by what counting alone gives.
    """
    raw = np.log((counts + 0.5) / np.maximum(members + 0.5, 0.5))
    size = len(counts)
    level, reference, times = (np.zeros((7, size)) for _ in range(3))
    spread, seen = np.zeros(size), np.zeros(size)
    away, moved, best = (np.zeros(counts.shape) for _ in range(3))
    expected = _usual(counts, known)
    for t in range(counts.shape[1]):
        now, w = known[:, t], weekday[t]
        level[w] = np.where(now & (times[w] == 0), raw[:, t], level[w])
        off = np.where(now, np.clip(raw[:, t] - level[w], -MOST, MOST), 0.0)
        counted = 1.0 / (expected[:, t] + 0.5)
        ready = now & (times[w] >= WEEKS)
        away[:, t] = np.where(ready, off, 0.0)
        moved[:, t] = np.where(ready, level[w] - reference[w], 0.0)
        best[:, t] = np.where(ready, spread / (spread + counted) * off, 0.0)
        pace = np.maximum(SLOW, 1.0 / (seen + 1.0))
        spread += np.where(now & (times[w] > 0), pace * (np.maximum(off**2 - counted, 0.0) - spread), 0.0)
        level[w] += np.maximum(WEEKLY, 1.0 / (times[w] + 1.0)) * off
        times[w] += now
        seen += now
        reference[w] = np.where(times[w] <= WEEKS, level[w], reference[w])
    return away, moved, best
