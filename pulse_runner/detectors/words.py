"""One sentence per verdict, with the numbers in it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from pulse_runner.detectors.base import Kind

if TYPE_CHECKING:
    from pulse_runner.detectors.engine.series import Story

LABELS = {
    "size": "Size",
    "conversion_rate": "Conversion rate",
    "inactive_rate": "Inactive rate",
    "entered": "Members entered",
    "exited": "Members exited",
    "converted": "Members converted",
}


def label(metric: str) -> str:
    """Return a metric's name as a sentence starts with it."""
    if metric.startswith("reach:"):
        return f"Reach by {metric.removeprefix('reach:')}"
    return LABELS.get(metric, metric.replace("_", " ").capitalize())


def number(value: float, rate: bool) -> str:
    """Write a count or a rate as people read it.

    >>> number(1234.4, rate=False), number(0.0723, rate=True)
    ('1,234', '7.2 %')
    """
    if not np.isfinite(value):
        return "nothing"
    if rate:
        return f"{value * 100:.{2 if value < 0.01 else 1}f} %"
    return f"{value:,.1f}" if abs(value) < 10 and value != round(value) else f"{value:,.0f}"


def percent(value: float, digits: int = 1) -> str:
    """Write a share as people read it.

    >>> percent(0.493), percent(0.5, 0)
    ('49.3 %', '50 %')
    """
    return f"{value * 100:.{digits}f} %"


def day(value: np.datetime64 | date) -> str:
    """Write a day as ISO text."""
    return str(value)[:10]


def as_date(value: np.datetime64) -> date:
    """Return a numpy day as a date."""
    out: date = value.astype("datetime64[D]").item()
    return out


def series(story: Story) -> str:
    """Say what became of one test of a metric."""
    panel, track, s, d = story.panel, story.track, story.s, story.d
    rate, name = panel.denominator is not None, label(panel.metric)
    if story.kind == Kind.NEEDS_HISTORY:
        return f"{name} needs {story.needs:.0f} more days of history."
    if story.kind == Kind.NO_DATA:
        return f"{name} has no usable snapshot on {day(story.day)}."
    if story.kind == Kind.MUTED:
        return f"{name} is not tested on {day(story.day)}: the day is a known event or a confirmed incident."
    if story.kind == Kind.DISABLED:
        return f"{name} is not watched: the detector is switched off for this segment."
    observed, expected = number(track.value[s, d], rate), number(track.expected[s, d], rate)
    around = f"{expected} expected ({number(track.lower[s, d], rate)} to {number(track.upper[s, d], rate)})"
    if story.kind == Kind.TOO_SMALL:
        members = "members" if panel.metric != "conversion_rate" else "members a day before"
        return (
            f"{name} is {observed}, {around}: too small to tell a change of {percent(min(2 * story.threshold, 0.9), 0)} in a day; "
            f"from about {number(story.needs, False)} {members} on it could."
        )
    if story.kind == Kind.QUIET and not track.abnormal[s, d]:
        return f"{name} is {observed}, {around}."
    verb = "fell" if story.effect < 0 else "rose"
    since = panel.dates[track.started[s, d]]
    tail = "" if since == story.day else f", since {day(since)}"
    return f"{name} {verb} {abs(story.effect) * 100:.1f} % to {observed}; {around} from {track.history[s, d]} earlier days{tail}."
