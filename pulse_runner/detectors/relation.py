"""A day on which the relation as a whole had few events or rows is one incident of the relation, and no day of its segments.

A closed shop, a holiday or a lost load empties all segments at once. Judged one by one they would open an incident each, and each would
learn from the day. So the events of an entity's segments are added up and judged first. A day with less than half of what was expected
is told once, about the entity, and left out of the series of its segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pulse_runner.arrays import Bools, iso
from pulse_runner.detectors.base import Assessment, Detector, Limits, Outcome, Settings
from pulse_runner.detectors.engine.series import assess_series
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.entity_health import COLLAPSE, EntityHealth, rows_panel
from pulse_runner.detectors.panel import MetricPanel, Panels
from pulse_runner.detectors.people import FEWEST
from pulse_runner.detectors.pooling import groups, together
from pulse_runner.metrics import label
from pulse_runner.vocabulary import count, plural

# what is left out of the segments on a day with few of these: what is counted from them
FLOWS = {"converted": ("converted", "conversion_rate", "entered"), "entered": ("entered",)}
TUNING = Tuning()


@dataclass(frozen=True)
class _Few:
    """The days on which entities had few of something: `assessment` over all days, `few` (E, T), and which metrics do not count then."""

    assessment: Assessment
    entities: tuple[str, ...]
    few: Bools
    metrics: tuple[str, ...]

    def covers(self, metric: str, entity: str, day: np.datetime64) -> bool:
        """Say whether a metric of the entity's segments does not count on a day."""
        if entity not in self.entities or (self.metrics and metric not in self.metrics):
            return False
        t = int((day - self.assessment.dates[0]).astype(int))
        return 0 <= t < self.few.shape[1] and bool(self.few[self.entities.index(entity), t])


def assess_all(
    detectors: Sequence[Detector], panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64
) -> list[Assessment]:
    """Judge every test of every day from `first` to `last`: the relations first, then what is left of their segments.

    Day d uses nothing later than d.
    """
    health = next((d for d in detectors if isinstance(d, EntityHealth)), None)
    if health is None:
        return [a for d in detectors for a in d.assess(panels, settings, first, last)]
    flows, few = _few_days(health, panels, settings, last)
    left = _without(panels, few)
    judged = [a for d in detectors for a in d.assess(left, settings, first, last)]
    told = [f.assessment.since(max(int((first - f.assessment.dates[0]).astype(int)), 0)) for f in flows]
    return [_explained(a, few, panels) for a in judged] + told


def without_few(panels: Panels, settings: Settings, last: np.datetime64) -> Panels:
    """Return what is judged of the segments: the panels without the days on which their relation had few events or rows."""
    return _without(panels, _few_days(EntityHealth(), panels, settings, last)[1])


def _few_days(
    health: EntityHealth, panels: Panels, settings: Settings, last: np.datetime64
) -> tuple[list[_Few], list[_Few]]:
    """Return the days of few events, which are told here, and those together with the days of few rows."""
    flows = [f for name in FLOWS if (f := _few_events(health, panels, settings, name, last)) is not None]
    rows = _few_rows(health, panels, settings, last)
    return flows, [*flows, rows] if rows is not None else flows


def _few_events(
    health: EntityHealth, panels: Panels, settings: Settings, flow: str, last: np.datetime64
) -> _Few | None:
    """Judge the events of all segments of each entity together. An entity with one segment is that segment."""
    panel = panels.metrics.get(flow)
    if panel is None:
        return None
    members = groups(panel, panels.entities)
    entities = tuple(members)
    if not entities or panel.dates[0] > last:
        return None
    limits = Settings({health.name: Limits(COLLAPSE, "down", settings.rule(health, "").enabled)}, fdr=settings.fdr)
    whole = assess_series(health, together(panel, members), limits, panel.dates[0], last, TUNING)
    others = np.array([_others_fell(panel, members[e]) for e in entities])[:, : len(whole.dates)]
    few = _collapsed(whole) & others

    def say(e: int, d: int) -> str:
        if not few[e, d]:
            return whole.sentence(e, d)
        return (
            f"{label(flow)} on {iso(whole.dates[d])}: {count(whole.observed[e, d])} over the "
            f"{plural(len(members[entities[e]]), 'segment')} of {entities[e]}, {count(whole.expected[e, d])} expected: "
            "it was closed, or events were lost. The day does not count for its segments."
        )

    told = replace(
        whole, entities=entities, segment_ids=("",) * len(entities), eligible=whole.eligible & few, sentence=say
    )
    return _Few(told, entities, few, FLOWS[flow])


def _others_fell(panel: MetricPanel, rows: list[int]) -> Bools:
    """Say of each day whether an entity's segments without their largest had few events too: else it is a fault of that segment.

    They are compared with the same weekday of the last four weeks. Where that is next to nothing, the largest one is all there is.
    """
    counts = np.where(panel.usable, panel.numerator, np.nan)[rows]
    weeks = np.full((4, *counts.shape), np.nan)
    for n in range(4):
        weeks[n, :, 7 * (n + 1) :] = counts[:, : -7 * (n + 1)]
    known = np.isfinite(weeks)
    usual = np.where(known, weeks, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    rest = np.arange(len(rows))[:, None] != usual.argmax(0)
    expected = (usual * rest).sum(0)
    seen = (np.nan_to_num(counts) * rest).sum(0)
    return np.asarray((seen <= COLLAPSE * expected) | (expected < FEWEST))


def _few_rows(health: EntityHealth, panels: Panels, settings: Settings, last: np.datetime64) -> _Few | None:
    """Find the days on which a relation had less than half of its rows; `entity_health` tells them as rows."""
    if panels.health is None or panels.health.dates[0] > last:
        return None
    panel = rows_panel(panels.health.head(int((last - panels.health.dates[0]).astype(int)) + 1))
    whole = assess_series(health, panel, settings, panel.dates[0], last, TUNING)
    return _Few(whole, panel.segment_ids, _collapsed(whole), ())


def _collapsed(whole: Assessment) -> Bools:
    """Say on which days less than half of what was expected is there."""
    with np.errstate(invalid="ignore"):
        return whole.abnormal & (whole.expected >= FEWEST) & (whole.observed < COLLAPSE * whole.expected)


def _without(panels: Panels, few: Sequence[_Few]) -> Panels:
    """Return the panels without the days on which a segment's entity had few events or rows."""

    def cut(panel: MetricPanel) -> MetricPanel:
        closed = np.zeros(panel.numerator.shape, bool)
        for one in few:
            if one.metrics and panel.metric not in one.metrics:
                continue
            days, mine, theirs = np.intersect1d(panel.dates, one.assessment.dates, return_indices=True)
            row = {e: i for i, e in enumerate(one.entities)}
            for n, segment in enumerate(panel.segment_ids):
                i = row.get(panels.entities.get(segment, ""))
                if len(days) and i is not None and one.few[i].any():
                    closed[n, mine] |= one.few[i, theirs]
        muted = np.zeros(closed.shape, bool) if panel.excluded is None else panel.excluded
        return replace(panel, excluded=muted | closed, closed=closed & ~muted)

    if not any(one.few.any() for one in few):
        return panels
    return replace(panels, metrics={name: cut(panel) for name, panel in panels.metrics.items()})


def _explained(a: Assessment, few: Sequence[_Few], panels: Panels) -> Assessment:
    """Return the assessment that says of a left out day why it is left out."""
    if not any(one.few.any() for one in few):
        return a
    sentence, dates = a.sentence, a.dates

    def say(s: int, d: int) -> str:
        entity = panels.entities.get(a.segment_ids[s], "")
        if a.kind[s, d] == Outcome.MUTED and any(one.covers(a.metric, entity, dates[d]) for one in few):
            return f"{label(a.metric)} is not judged on {iso(dates[d])}: {entity} as a whole had few events or rows."
        return sentence(s, d)

    return replace(a, sentence=say)
