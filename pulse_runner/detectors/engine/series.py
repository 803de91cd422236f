"""What the detectors on a single metric share: the engine's track, turned into verdicts by a threshold and a direction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pulse_runner.arrays import Floats
from pulse_runner.detectors.base import FALSE_ALARMS_A_YEAR, Assessment, Detector, Outcome, Settings
from pulse_runner.detectors.engine.story import Story, sentence_of
from pulse_runner.detectors.engine.track import Track, track
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import MetricPanel

TELL = 2.0  # a change of so many thresholds should stand out in a day, or the test is too small
STANDS_OUT = 3.2  # standard deviations


def assess_series(
    detector: Detector,
    panel: MetricPanel,
    settings: Settings,
    first: np.datetime64,
    last: np.datetime64,
    tuning: Tuning,
    sentence: Callable[[Story], str] = sentence_of,
    false_alarms: float | Floats = FALSE_ALARMS_A_YEAR,
) -> Assessment:
    """Run the engine over a panel and judge the days from `first` to `last`.

    `false_alarms` is the stated rate a year, one number or one per segment of the panel.
    """
    stop = int((last - panel.dates[0]).astype(int)) + 1
    start = max(int((first - panel.dates[0]).astype(int)), 0)
    panel = panel.head(stop)
    result = track(panel, start, tuning, false_alarms)
    threshold, direction, enabled = settings.vectors(detector, panel.segment_ids)
    effect = relative(result.value, result.expected)
    wanted = (direction[:, None] == 0) | (np.sign(effect) == direction[:, None])
    fewest = max(tuning.min_history, settings.min_history if detector.needs_history else 0)
    history = result.history >= fewest
    wants = size_wanted(panel, result, start, threshold)
    eligible = result.abnormal & result.usable & wanted & history & enabled[:, None]
    kind = np.full(effect.shape, Outcome.QUIET, np.int8)
    kind[np.isfinite(wants) & ~result.abnormal] = Outcome.TOO_SMALL
    kind[~history] = Outcome.NEEDS_HISTORY
    kind[~result.usable] = Outcome.NO_DATA
    if panel.excluded is not None:
        kind[panel.excluded[:, start:]] = Outcome.MUTED
    kind[~enabled] = Outcome.DISABLED
    needs = np.where(~history, fewest - result.history, wants).astype(float)
    dates = panel.dates[start:]

    def say(s: int, d: int) -> str:
        return sentence(Story(panel, result, s, d, float(effect[s, d]), float(threshold[s]),
                              Outcome(int(kind[s, d])), float(needs[s, d]), dates[d]))  # fmt: skip

    return Assessment(
        detector=detector.name, metric=panel.metric, attribute=None, segment_ids=panel.segment_ids,
        entities=("",) * len(panel.segment_ids), dates=dates, kind=kind, eligible=eligible,
        fresh=result.fresh & result.usable & history & enabled[:, None], p_value=result.p_value,
        observed=result.value, expected=result.expected, lower=result.lower, upper=result.upper, effect=effect,
        started=panel.dates[np.clip(result.started, 0, stop - 1)], abnormal=result.abnormal, rebased=result.rebased,
        needs=needs, threshold=threshold, sentence=say, grade=detector.severity,
    )  # fmt: skip


def size_wanted(panel: MetricPanel, result: Track, start: int, threshold: Floats) -> Floats:
    """Return (S, D): the members from which on a change of TELL thresholds would stand out in a day, NaN where it does already.

    Days that differ too much by themselves are not a matter of size.
    """
    wanted = np.clip(TELL * threshold, 0.01, 0.9)[:, None]
    rate = np.zeros_like(result.expected) if panel.denominator is None else result.expected
    people = result.expected if panel.denominator is None else panel.denominator[:, start:]
    edge = (np.log1p(-wanted) / np.maximum(1.0 - rate, 0.05) / STANDS_OUT) ** 2
    own = np.maximum(result.spread**2 - result.sampling, 0.0)
    # where counting hides the change already, the days' own noise is badly known: at least half of the room is left to counting
    room = np.maximum(edge - own, edge / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = people * result.sampling / room
        out: Floats = np.where((result.sampling > room) & (threshold[:, None] > 0), np.ceil(size), np.nan)
    return out


def relative(observed: Floats, expected: Floats) -> Floats:
    """Return the relative change; from an expectation near zero it is measured against one member."""
    floor = np.where(expected < 1.0, np.where(observed > 1.0, 1.0, np.maximum(expected, 1e-9)), expected)
    with np.errstate(invalid="ignore"):
        out: Floats = (observed - expected) / floor
    return out
