"""Faults planted into a segment's own history: what would have been found?

Each planted fault is a series of its own, a copy of the segment's with a few days changed. So all of them go through the
detector in one pass, and what is found is what the detector would have said on these days, after this history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors import BY_NAME
from pulse_runner.detectors.base import Detector, Limits, Settings
from pulse_runner.detectors.panel import MetricPanel, Panels
from pulse_runner.detectors.pooling import pool
from pulse_runner.metrics import LADDER, REACH

PLACES = 20  # days on which a fault is planted
SPREAD = 180  # days back from the last one on which they lie
AT_ONCE = 20  # segments that go through a detector together: it bounds the memory
NEEDED = 28  # usable days before the first of them


@dataclass(frozen=True)
class Fault:
    """A fall (a rise, where a rise is what hurts) by `share` that lasts `days`; a creep reaches it on its last day."""

    days: int
    share: float
    creeps: bool = False

    def shape(self) -> Floats:
        """Return the share lost on each day."""
        return self.share * (np.arange(1, self.days + 1) / self.days if self.creeps else np.ones(self.days))


def detector_of(metric: str) -> Detector | None:
    """Return the detector that watches a metric for falls or rises, None for a metric without one."""
    names = {"size": "size_jump", "conversion_rate": "conversion_anomaly", "inactive_rate": "inactivity_creep"}
    name = "reach_drop" if metric.startswith((REACH, LADDER)) else names.get(metric)
    return BY_NAME[name] if name else None


def plantable(panels: Panels) -> dict[str, MetricPanel]:
    """Return the metrics that faults are planted into; rates of small segments carry what the others of their entity did."""
    out = {}
    for name, panel in panels.metrics.items():
        if detector_of(name) is not None:
            out[name] = pool(panel, panels.entities).panel if name == "conversion_rate" else panel
    return out


def found_share(
    panel: MetricPanel,
    settings: Settings,
    faults: Sequence[Fault],
    rows: Sequence[int],
    tests: int,
    usual: Settings | None = None,
) -> Floats:
    """Return (segments, faults): the share of the planted faults that are found while they last; NaN without enough history.

    `rows` are the segments. `tests` is the number of tests of a date, by which false discovery control divides. Days on which the
    segment is out of its usual state anyway are left out; `usual` are the settings that say so, where others are tried.
    """
    detector = detector_of(panel.metric)
    out = np.full((len(rows), len(faults)), np.nan)
    if detector is None or not faults or not rows:
        return out
    cut = 1.0 if settings.fdr is None else settings.fdr / max(tests, 1)
    longest = max(f.days for f in faults)
    for low in range(0, len(rows), AT_ONCE):
        part = panel.rows(list(rows[low : low + AT_ONCE]))
        places = _places(part, longest, detector, usual or settings)
        planted = [_Planted(n, f, t) for n, days in enumerate(places) for f in range(len(faults)) for t in days]
        if planted:
            hits = _found(part, detector, settings, faults, planted, cut)
            hit, tried = np.zeros((2, len(part.segment_ids), len(faults)))
            where = [x.row for x in planted], [x.fault for x in planted]
            np.add.at(hit, where, hits)
            np.add.at(tried, where, 1)
            with np.errstate(invalid="ignore"):
                out[low : low + AT_ONCE] = hit / tried  # NaN where nothing was planted
    return out


@dataclass(frozen=True)
class _Planted:
    """One planted fault: in which row, which of the faults, from which day on."""

    row: int
    fault: int
    day: int


def _places(panel: MetricPanel, longest: int, detector: Detector, settings: Settings) -> list[list[int]]:
    """Return days to plant faults on, per segment: spread over the last half-year, in the usual state, with history before them."""
    (a,) = detector.assess(Panels({panel.metric: panel}), settings, panel.dates[0], panel.dates[-1])
    calm = panel.usable & ~a.abnormal & (panel.numerator > 0)
    places = []
    for row in range(len(panel.segment_ids)):
        known = np.flatnonzero(panel.usable[row])
        days = np.array([], int)
        if len(known) > NEEDED:
            last = int(known[-1])
            days = np.flatnonzero(calm[row])
            days = days[(days >= max(int(known[NEEDED]), last - SPREAD)) & (days <= last - longest + 1)]
        picked = np.linspace(0, len(days) - 1, min(PLACES, len(days))).round().astype(int)
        places.append([int(days[i]) for i in picked])
    return places


def _found(
    panel: MetricPanel, detector: Detector, settings: Settings, faults: Sequence[Fault], planted: Sequence[_Planted], cut: float
) -> Bools:  # fmt: skip
    """Say of each planted fault whether it is found."""
    of = [x.row for x in planted]
    copies = panel.rows(of)
    names = tuple(f"{panel.segment_ids[x.row]} {i}" for i, x in enumerate(planted))
    limits = [settings.rule(detector, panel.segment_ids[x.row]) for x in planted]
    up = np.array([r.direction == "up" for r in limits])
    counts = copies.numerator.copy()
    for i, x in enumerate(planted):
        shape = faults[x.fault].shape()
        counts[i, x.day : x.day + len(shape)] *= 1 + shape if up[i] else 1 - shape
    counts = np.round(counts)
    if copies.denominator is not None:
        counts = np.minimum(counts, copies.denominator)
    copies = replace(copies, segment_ids=names, numerator=counts, rebased_on=None)
    own = Settings(
        segments={(n, detector.name): r for n, r in zip(names, limits, strict=True)}, fdr=settings.fdr,
        min_history=settings.min_history,
    )  # fmt: skip
    first, stop = min(x.day for x in planted), max(x.day + faults[x.fault].days for x in planted)
    (a,) = detector.assess(Panels({panel.metric: copies}), own, panel.dates[first], panel.dates[stop - 1])
    with np.errstate(invalid="ignore"):
        said = a.eligible & (np.abs(a.effect) >= a.threshold[:, None]) & (a.p_value <= cut)
        said &= np.where(up[:, None], a.effect > 0, a.effect < 0)
    spans = [slice(x.day - first, x.day - first + faults[x.fault].days) for x in planted]
    return np.array([said[i, span].any() for i, span in enumerate(spans)])


def with_sensitivity(settings: Settings, detector: str, false_alarms: float) -> Settings:
    """Return the settings with one sensitivity for all segments of a detector."""
    rule = replace(settings.detectors.get(detector, Limits()), false_alarms=false_alarms)
    segments = {k: replace(v, false_alarms=None) if k[1] == detector else v for k, v in settings.segments.items()}
    return replace(settings, detectors={**settings.detectors, detector: rule}, segments=segments)
