"""Rates and flows, judged over the days of their episode and in people.

A rate of one day says little where few people convert: nobody of 40 is "-100 %", and means nothing. So the effect of a day is that of
the last days of its episode: as many as it takes to expect FEWEST people. Where the whole episode has fewer, the change is
held against FEWEST: an effect is never larger than the people behind it allow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pulse_runner.arrays import Bools, Floats, iso
from pulse_runner.detectors.base import Assessment, Detector, Outcome, Settings
from pulse_runner.detectors.engine.series import assess_series
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import MetricPanel
from pulse_runner.detectors.pooling import Pooled
from pulse_runner.metrics import label
from pulse_runner.vocabulary import count, plural

FEWEST = 10.0  # people that are expected before an effect in percent means anything
LONGEST = 14  # days of an episode that are looked at together


@dataclass(frozen=True)
class _Sums:
    """What the last days of an episode add up to, per test and date: `seen` of `members`, `expected`, over `days`."""

    seen: Floats
    expected: Floats
    members: Floats
    days: Floats
    people: Floats


def assess_over_episode(
    detector: Detector, panel: MetricPanel, settings: Settings, first: np.datetime64, last: np.datetime64, tuning: Tuning,
    days: int = LONGEST, pooled: Pooled | None = None,
) -> Assessment:  # fmt: skip
    """Run the engine over a panel and judge each day by the last `days` days of its episode.

    `days` is 1 for what people are (inactive, reachable) and LONGEST for what they do on a day (convert, enter). With `pooled`, a
    segment is expected to do what the others of its entity do.
    """
    start = max(first - np.timedelta64(days - 1, "D"), panel.dates[0])
    lead = max(int((first - start).astype(int)), 0)
    rates = settings.false_alarms(detector, panel.segment_ids)
    if pooled is None:
        whole = assess_series(detector, panel, settings, start, last, tuning, false_alarms=rates)
    else:
        whole = pooled.unpooled(
            assess_series(detector, pooled.panel, settings, start, last, tuning, pooled.sentences(), rates)
        )
    return judge_over_episode(whole, panel, settings, detector, days).since(lead)


def judge_over_episode(
    a: Assessment, panel: MetricPanel, settings: Settings, detector: Detector, days: int
) -> Assessment:
    """Return the assessment with the effect, the numbers and the sentence of the last days of each episode."""
    at = slice(int((a.dates[0] - panel.dates[0]).astype(int)), int((a.dates[-1] - panel.dates[0]).astype(int)) + 1)
    rate = panel.denominator is not None
    members = panel.denominator[:, at] if panel.denominator is not None else np.ones(a.observed.shape)
    sums = _add_up(a, members, days)
    together = a.abnormal & (sums.days > 1)
    effect = (sums.seen - sums.expected) / np.maximum(sums.expected, FEWEST)
    _, direction, _ = settings.vectors(detector, panel.segment_ids)
    wanted = (direction[:, None] == 0) | (np.sign(effect) == direction[:, None])
    per = sums.members if rate else sums.days
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(together, sums.expected / per, a.expected)
        lower, upper = _bounds(a, members, sums, rate)

        def say(s: int, d: int) -> str:
            is_told = a.abnormal[s, d] and a.kind[s, d] == Outcome.QUIET and np.isfinite(a.observed[s, d])
            if not is_told or (not together[s, d] and sums.expected[s, d] >= FEWEST):
                return a.sentence(s, d)
            return _sentence(panel, a, sums, s, d, rate)

        return replace(
            a, effect=effect, eligible=a.eligible & wanted, people=sums.people, sentence=say, expected=expected,
            observed=np.where(together, sums.seen / per, a.observed), lower=np.where(together, lower, a.lower),
            upper=np.where(together, upper, a.upper),
        )  # fmt: skip


def _add_up(a: Assessment, members: Floats, days: int) -> _Sums:
    """Add the days up backwards from each date: until FEWEST are expected, the episode begins, or `days` are through."""
    known = np.isfinite(a.observed) & np.isfinite(members)
    seen = np.where(known, a.observed * members, 0.0)
    usual = np.where(known, a.expected * members, 0.0)
    shape = a.observed.shape
    total = _Sums(*(np.zeros(shape) for _ in range(5)))
    more = np.zeros(shape)
    for back in range(min(days, shape[1])):
        then, now = slice(0, shape[1] - back), slice(back, None)
        inside: Bools = known[:, then] & (a.abnormal[:, now] | (back == 0))
        inside &= (a.dates[then] >= a.started[:, now]) | (back == 0)
        more[:, now] += inside * (seen - usual)[:, then]
        needed = inside & (total.expected[:, now] < FEWEST)
        for sum_, part in (
            (total.seen, seen),
            (total.members, np.where(known, members, 0.0)),
            (total.days, known.astype(float)),
            (total.expected, usual),
        ):
            sum_[:, now] += needed * part[:, then]
    return replace(total, people=np.abs(more))


def _bounds(a: Assessment, members: Floats, sums: _Sums, rate: bool) -> tuple[Floats, Floats]:
    """Return what 19 of 20 ordinary spans of as many days would show: counting and the days' own noise both shrink."""
    per = sums.members if rate else sums.days
    middle = sums.expected / per

    def scale(x: Floats) -> Floats:
        out: Floats = np.log(x / (1 - x)) if rate else np.log(np.maximum(x, 1e-9))
        return out

    counted = 1.0 / (np.maximum(members * a.expected * (1 - a.expected if rate else 1.0), 1e-9) + 0.375)
    own = np.maximum(((scale(a.upper) - scale(a.expected)) / 1.96) ** 2 - counted, 0.0)
    together = 1.0 / (np.maximum(sums.expected * (1 - middle if rate else 1.0), 1e-9) + 0.375)
    reach = 1.96 * np.sqrt(own / np.maximum(sums.days, 1.0) + together)
    if rate:
        return tuple(1 / (1 + np.exp(-(scale(middle) + sign * reach))) for sign in (-1, 1))  # type: ignore[return-value]
    return middle * np.exp(-reach), middle * np.exp(reach)


def _sentence(panel: MetricPanel, a: Assessment, sums: _Sums, s: int, d: int, rate: bool) -> str:
    """Say it in people: percent of few is not a number."""
    seen, usual, days = sums.seen[s, d], sums.expected[s, d], int(sums.days[s, d])
    verb = "fell" if seen < usual else "rose"
    far = f" {abs(seen / usual - 1) * 100:.1f} %" if usual >= FEWEST else ""
    out_of = f" of {count(sums.members[s, d])}" if rate else ""
    span = f" over {plural(days, 'day')}" if days > 1 else ""
    since = "" if a.started[s, d] == a.dates[d] else f", since {iso(a.started[s, d])}"
    few = "" if usual >= FEWEST else f" So few say little: the change counts as against {FEWEST:.0f}."
    return f"{label(panel.metric)} {verb}{far}{span}: {count(seen)}{out_of}, {count(usual)} expected{since}.{few}"
