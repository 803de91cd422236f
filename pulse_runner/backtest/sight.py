"""What a segment can see: the smallest fall that is found four times out of five, tried out on its own history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from pulse_runner.arrays import Floats
from pulse_runner.backtest.plant import NEEDED, Fault, detector_of, found_share, plantable, with_sensitivity
from pulse_runner.detectors.base import Settings
from pulse_runner.detectors.panel import Panels
from pulse_runner.metrics import label
from pulse_runner.vocabulary import percent

CHANCE = 0.8
SHARES = (0.05, 0.10, 0.15, 0.20, 0.30, 0.40, 0.60, 0.90)
CREEP_DAYS = 30
KINDS = (
    ("on one day", 1, False),
    ("over three days", 3, False),
    (f"as a creep over {CREEP_DAYS} days", CREEP_DAYS, True),
)
SIGHT_COLUMNS = ("segment_id", "metric", "one_day", "three_days", "creep_30_days")
TOLD = ("size", "conversion_rate")  # in the report; `pulse segments show` has the others
MOST_SEGMENTS = 40  # of a table; others are shown one by one
EXAMPLE = Fault(3, 0.30)  # what is planted to say what a sensitivity would have found


@dataclass(frozen=True)
class Sight:
    """The smallest share of a metric that is found with CHANCE, per kind of fall; None where even the largest is not.

    `smallest` is empty where there is too little history to try. `rises` says that it is about rises.
    """

    segment_id: str
    metric: str
    smallest: tuple[float | None, ...]
    rises: bool = False

    def sentence(self) -> str:
        """Say it in plain words.

        >>> Sight("vip", "size", (0.3, 0.2, None)).sentence()
        'Size: finds a fall of 30 % on one day, 20 % over three days; no fall as a creep over 30 days.'
        """
        name, what = label(self.metric), "rise" if self.rises else "fall"
        if not self.smallest:
            return f"{name}: needs at least {NEEDED + CREEP_DAYS} days of history to say what it can see."
        words = [k for k, _, _ in KINDS]
        seen = [f"{percent(s, 0)} {w}" for s, w in zip(self.smallest, words, strict=True) if s is not None]
        unseen = [w for s, w in zip(self.smallest, words, strict=True) if s is None]
        found = f"finds a {what} of {', '.join(seen)}" if seen else ""
        missed = f"no {what} {' or '.join(unseen)}" if unseen else ""
        return f"{name}: {'; '.join(part for part in (found, missed) if part)}."


def sights(panels: Panels, settings: Settings, only: Collection[str] | None = None) -> list[Sight]:
    """Return what each segment can see, by segment and metric; `only` names the segments.

    Falls of each size in SHARES are planted on days of the segment's own last half-year. "Found" means a finding while the fall lasts.
    """
    faults = [Fault(days, share, creeps) for _, days, creeps in KINDS for share in SHARES]
    tests = tests_of(panels)
    out = []
    for metric, panel in plantable(panels).items():
        detector = detector_of(metric)
        assert detector is not None
        rows = [n for n, s in enumerate(panel.segment_ids) if only is None or s in only]
        rows = [n for n in rows if settings.rule(detector, panel.segment_ids[n]).enabled]
        for n, shares in zip(rows, found_share(panel, settings, faults, rows, tests), strict=True):
            segment = panel.segment_ids[n]
            each = shares.reshape(len(KINDS), len(SHARES))
            smallest = () if np.isnan(each).any() else tuple(map(_smallest, each))
            out.append(Sight(segment, metric, smallest, settings.rule(detector, segment).direction == "up"))
    return sorted(out, key=lambda s: s.segment_id)


def _smallest(found: Floats) -> float | None:
    """Return the smallest share from which on all are found often enough."""
    good = np.logical_and.accumulate((found >= CHANCE - 1e-9)[::-1])[::-1]
    return SHARES[int(good.argmax())] if good.any() else None


def tests_of(panels: Panels) -> int:
    """Return about how many tests a date has."""
    series = sum(len(p.segment_ids) for m, p in panels.metrics.items() if detector_of(m) is not None)
    return series + (0 if panels.health is None else len(panels.health.keys))


def sight_rows(found: Sequence[Sight]) -> list[dict[str, object]]:
    """Return one plain row per segment and metric."""
    out: list[dict[str, object]] = []
    for s in found:
        told = ["none" if x is None else percent(x, 0) for x in s.smallest] or [""] * len(KINDS)
        row: dict[str, object] = {"segment_id": s.segment_id, "metric": s.metric}
        out.append(row | dict(zip(SIGHT_COLUMNS[2:], told, strict=True)))
    return out


def found_of(panels: Panels, settings: Settings, detector: str, false_alarms: float) -> float | None:
    """Return the share of EXAMPLE faults that a detector would find at a sensitivity, over at most MOST_SEGMENTS segments."""
    asked = with_sensitivity(settings, detector, false_alarms)
    shares = []
    for metric, panel in plantable(panels).items():
        watcher = detector_of(metric)
        if watcher is not None and watcher.name == detector:
            some = np.unique(np.linspace(0, len(panel.segment_ids) - 1, MOST_SEGMENTS).round().astype(int))
            shares.append(found_share(panel, asked, [EXAMPLE], [int(n) for n in some], tests_of(panels), settings))
    known = np.concatenate(shares) if shares else np.array([])
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else None


def sight_sentences(found: Sequence[Sight]) -> list[str]:
    """Return a line per segment for its size and its conversion, in plain words; those without enough history are left out."""
    return [f"{s.segment_id}: {s.sentence()}" for s in found if s.smallest and s.metric in TOLD]
