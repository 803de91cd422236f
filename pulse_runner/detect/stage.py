"""The stage `detect`: panels from the tables, verdicts of the detectors on one date after the other.

What earlier incidents mean for baselines is handed in as plain values: this room knows nothing of incidents.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from pulse_runner.arrays import Bools, Days
from pulse_runner.detect.distributions import Distributions, Exclusion, watched_attributes
from pulse_runner.detect.panels import (
    constrained_attributes,
    first_day,
    health_panel,
    known_by,
    metric_panels,
    mute_health,
    only_measured,
)
from pulse_runner.detectors import DETECTORS, Limits, Panels, Settings, Verdict
from pulse_runner.detectors.base import Assessment, Key
from pulse_runner.detectors.evaluate import DayReport, judge_day
from pulse_runner.detectors.panel import DistributionPanel, MetricPanel
from pulse_runner.detectors.relation import assess_all
from pulse_runner.known_events.event import KnownEvent
from pulse_runner.known_events.read import excluded_days, excluded_spans, read_events
from pulse_runner.segments.model import DetectorSettings, Project
from pulse_runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class Past:
    """What is known of the days before: per test the days that are not learned from, the first day of an accepted level, and the
    days of false alarms."""

    left_out: Mapping[Key, Sequence[tuple[date, date]]] = field(default_factory=dict)
    accepted: Mapping[Key, date] = field(default_factory=dict)
    ordinary: Mapping[Key, Sequence[tuple[date, date]]] = field(default_factory=dict)


class Judge:
    """The detectors over dates that share one past. Series are read and assessed once; distributions date by date, a few ahead.

    A date gets the verdicts that it would get alone: it sees no later date, and no channel or column that came later.
    """

    def __init__(self, warehouse: Warehouse, project: Project, first: date, last: date, past: Past) -> None:
        segments = tuple(sorted(s.name for s in project.segments.values() if s.enabled))
        events = read_events(warehouse)
        self._past, self._since = past, first_day(first)
        self._last = np.datetime64(last)
        self._all = read_panels(warehouse, project, segments, first, last, past, events)
        self._known = excluded_spans(events, project, segments)
        self._settings = detector_settings(project)
        self._distributions = Distributions(warehouse, watched_attributes(project, segments), last)
        self._panels, self._spans = Panels(), list[Assessment]()

    def can_judge(self, day: date, past: Past) -> bool:
        """Say whether the history that was read is the one for a later date of the run."""
        return past == self._past and first_day(day) == self._since

    def has_snapshots(self, day: date) -> bool:
        """Say whether any watched segment has a snapshot of the date, good or not, or any entity its health."""
        panels = [p for p in (self._all.metrics.get("size"), self._all.health) if p is not None]
        return any(
            bool((p.status[:, int((np.datetime64(day) - p.dates[0]).astype(int))] != "").any())
            for p in panels
            if p.status is not None
        )

    def judge(self, day: date, exclusions: Sequence[Exclusion]) -> DayReport:
        """Return the report of one date. `exclusions` are the days that distribution baselines leave out beside known events."""
        at = np.datetime64(day)
        self._assess(at)
        left_out = [*exclusions, *((s, "", starts, ends) for s, starts, ends in self._known)]
        muted = {s for s, starts, ends in self._known if starts <= day <= ends}
        shares = self._distributions.panels(day, left_out)
        shifted = Panels(
            distributions={a: muted_panel(p, muted) for a, p in shares.items()},
            constrained=self._panels.constrained,
            entities=self._panels.entities,
            owners=self._panels.owners,
        )
        today = [a for d in DETECTORS for a in d.assess(shifted, self._settings, at, at)]
        return judge_day([*self._spans, *today], self._panels, self._settings, at)

    def _assess(self, day: np.datetime64) -> None:
        """Assess the series from a date on, once for all dates on which the same of them are known."""
        known = known_by(self._all, day)
        if not self._spans or not _same_keys(known, self._panels):
            self._panels = known
            self._spans = assess_all(DETECTORS, known, self._settings, day, self._last)


def _same_keys(one: Panels, other: Panels) -> bool:
    keys = [p.health.keys if p.health else () for p in (one, other)]
    return one.metrics.keys() == other.metrics.keys() and keys[0] == keys[1]


def read_panels(
    warehouse: Warehouse,
    project: Project,
    segments: tuple[str, ...],
    first: date,
    last: date,
    past: Past,
    events: list[KnownEvent],
) -> Panels:
    """Return the panels that end on `last`, with known events and the days of earlier incidents left out."""
    start = first_day(first)
    days = np.arange(np.datetime64(start), np.datetime64(last) + 1)
    muted = excluded_days(events, project, segments, days)
    panels = only_measured(
        metric_panels(warehouse, segments, start, last, muted, ladders=project.has_destinations), project
    )
    return Panels(
        metrics={m: _annotate(p, past) for m, p in panels.items()},
        health=mute_health(health_panel(warehouse, start, last), events),
        constrained=constrained_attributes(project),
        entities={s.name: s.entity for s in project.segments.values()},
        owners={s.name: s.owner for s in project.segments.values()},
    )


def muted_panel(panel: DistributionPanel, muted: Collection[str]) -> DistributionPanel:
    """Return the panel with the segments that a known event mutes on its date."""
    return replace(panel, excluded=np.array([s in muted for s in panel.segment_ids], bool)) if muted else panel


def detector_settings(project: Project) -> Settings:
    """Return the segments' own thresholds, directions and switches in the form that detectors take."""
    per_segment, per_attribute = {}, {}
    for segment in project.segments.values():
        for detector, own in segment.thresholds.items():
            per_segment[segment.name, detector] = _rule(own)
            for attribute, threshold in own.attributes.items():
                rule = Limits(enabled=False) if threshold is None else Limits(threshold)
                per_attribute[segment.name, detector, attribute] = rule
    defaults = {detector: _rule(own) for detector, own in project.defaults.items()}
    return Settings(defaults, per_segment, per_attribute)


def finding_row(verdict: Verdict, incident_id: str) -> dict[str, object]:
    """Return the row of `pulse_findings` for a verdict; `incident_id` is the incident that it belongs to, '' for none."""
    f = verdict.finding
    return {
        "entity": verdict.entity,
        "segment_id": verdict.segment_id,
        "snapshot_date": verdict.snapshot_date,
        "detector": verdict.detector,
        "metric": verdict.metric,
        "attribute": verdict.attribute or "",
        "bucket": (f.bucket or "") if f else "",
        "verdict": verdict.kind.word,
        "severity": f.severity if f else "",
        "direction": f.direction if f else "",
        "observed": _number(f.observed) if f else None,
        "expected": _number(f.expected) if f else None,
        "lower_bound": _number(f.lower) if f else None,
        "upper_bound": _number(f.upper) if f else None,
        "effect": _number(f.effect) if f else None,
        "p_value": _number(f.p_value) if f else None,
        "q_value": _number(f.q_value) if f else None,
        "threshold": _number(f.threshold) if f else None,
        "started_on": f.started_on if f else None,
        "incident_id": incident_id if f else "",
        "reason": verdict.reason,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _rule(own: DetectorSettings) -> Limits:
    return Limits(own.threshold, own.direction, own.enabled is not False, own.sensitivity)


def _annotate(panel: MetricPanel, past: Past) -> MetricPanel:
    """Leave the days of past incidents out, start anew where a level was accepted, and take false alarms for what they are."""
    place = {s: i for i, s in enumerate(panel.segment_ids)}
    shape = (len(panel.segment_ids), len(panel.dates))
    excluded: Bools = np.zeros(shape, bool) if panel.excluded is None else panel.excluded.copy()
    rebased: Days = np.full(shape[0], np.datetime64("NaT"), "datetime64[D]")
    ordinary: Bools = np.zeros(shape, bool)
    for marks, known in ((excluded, past.left_out), (ordinary, past.ordinary)):
        for key, spans in known.items():
            if key[3] == panel.metric and key[1] in place:
                for start, stop in spans:
                    inside = (panel.dates >= np.datetime64(start)) & (panel.dates <= np.datetime64(stop))
                    marks[place[key[1]]] |= inside
    for key, start in past.accepted.items():
        if key[3] == panel.metric and key[1] in place:
            rebased[place[key[1]]] = np.datetime64(start)
    return replace(panel, excluded=excluded, rebased_on=rebased, ordinary=ordinary if ordinary.any() else None)
