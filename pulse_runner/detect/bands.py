"""The watched metrics of segments over a period, each day with what its own past led one to expect: for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from pulse_runner.arrays import Days, Floats
from pulse_runner.detect.stage import Past, detector_settings, read_panels
from pulse_runner.detectors import DETECTORS
from pulse_runner.detectors.base import Assessment
from pulse_runner.detectors.panel import Panels
from pulse_runner.detectors.relation import without_few
from pulse_runner.known_events.read import read_events
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class Band:
    """One metric of S segments over D days; `numerator` and `denominator` (of rates, else None) are the counts behind it.

    `expected`, `lower` and `upper` are (S, D) and NaN on days on which nothing is expected. `threshold` (S,) is the material
    one. `told` (S,) says in one sentence what the detector makes of the last day.
    """

    metric: str
    detector: str
    segment_ids: tuple[str, ...]
    dates: Days
    numerator: Floats
    denominator: Floats | None
    expected: Floats
    lower: Floats
    upper: Floats
    threshold: Floats
    told: tuple[str, ...]


def expected_bands(
    warehouse: Warehouse, project: Project, segments: Sequence[str], first: date, last: date, past: Past
) -> dict[str, Band]:
    """Return the bands of every watched metric by its name; each day uses only days before it.

    `past` is what people decided about incidents. A metric that no detector judges has no band.
    """
    names = tuple(sorted(segments))
    if not names:
        return {}
    panels = _begun(read_panels(warehouse, project, names, last, last, past, read_events(warehouse)))
    start, stop = np.datetime64(first), np.datetime64(last)
    series = [d for d in DETECTORS if not d.is_daily]
    bands = {}
    settings = detector_settings(project)
    left = replace(without_few(panels, settings, stop), health=None)  # the relations have a page of their own
    for judged in (a for d in series for a in d.assess(left, settings, start, stop)):
        panel = panels.metrics.get(judged.metric)
        if (
            panel is None
            or judged.segment_ids != panel.segment_ids
            or len(judged.dates) != (stop - start).astype(int) + 1
        ):
            continue
        inside = (panel.dates >= start) & (panel.dates <= stop)
        bands[judged.metric] = Band(
            metric=judged.metric,
            detector=judged.detector,
            segment_ids=panel.segment_ids,
            dates=panel.dates[inside],
            numerator=panel.numerator[:, inside],
            denominator=None if panel.denominator is None else panel.denominator[:, inside],
            expected=judged.expected,
            lower=judged.lower,
            upper=judged.upper,
            threshold=judged.threshold,
            told=tuple(_told(judged, s) for s in range(len(panel.segment_ids))),
        )
    return bands


def _begun(panels: Panels) -> Panels:
    """Return the metrics of segments without the days before the first snapshot of any."""
    size = panels.metrics["size"]
    known = np.flatnonzero(np.isfinite(size.numerator).any(0))
    first = int(known[0]) if len(known) else 0
    return replace(panels, metrics={m: p.tail(first) for m, p in panels.metrics.items()})


def _told(judged: Assessment, s: int) -> str:
    return judged.sentence(s, len(judged.dates) - 1)
