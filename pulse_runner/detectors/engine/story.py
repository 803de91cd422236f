"""One sentence per verdict, with the numbers in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.arrays import iso
from pulse_runner.detectors.base import Outcome
from pulse_runner.detectors.engine.track import Track
from pulse_runner.detectors.panel import MetricPanel
from pulse_runner.metrics import label
from pulse_runner.vocabulary import count, number, percent


@dataclass(frozen=True)
class Story:
    """The numbers of one test on one day, for its sentence."""

    panel: MetricPanel
    track: Track
    s: int
    d: int
    effect: float
    threshold: float
    kind: Outcome
    needs: float
    day: np.datetime64


def sentence_of(story: Story) -> str:
    """Say what became of one test of a metric."""
    panel, track, s, d = story.panel, story.track, story.s, story.d
    rate, name = panel.denominator is not None, label(panel.metric)
    if story.kind == Outcome.NEEDS_HISTORY:
        return f"{name} needs {story.needs:.0f} more days of history."
    if story.kind == Outcome.NO_DATA:
        return f"{name} has no usable snapshot on {iso(story.day)}."
    if story.kind == Outcome.MUTED:
        return f"{name} is not tested on {iso(story.day)}: the day is a known event or a confirmed incident."
    if story.kind == Outcome.DISABLED:
        return f"{name} is not watched: the detector is switched off for this segment."
    observed, expected = number(track.value[s, d], rate), number(track.expected[s, d], rate)
    around = f"{expected} expected ({number(track.lower[s, d], rate)} to {number(track.upper[s, d], rate)})"
    if story.kind == Outcome.TOO_SMALL:
        members = "members" if panel.metric != "conversion_rate" else "members a day before"
        return (
            f"{name} is {observed}, {around}: too small to tell a change of {percent(min(2 * story.threshold, 0.9), 0)} in a day; "
            f"from about {count(story.needs)} {members} on it could."
        )
    if story.kind == Outcome.QUIET and not track.abnormal[s, d]:
        return f"{name} is {observed}, {around}."
    verb = "fell" if story.effect < 0 else "rose"
    since = panel.dates[track.started[s, d]]
    tail = "" if since == story.day else f", since {iso(since)}"
    return f"{name} {verb} {abs(story.effect) * 100:.1f} % to {observed}; {around} from {track.history[s, d]} earlier days{tail}."
