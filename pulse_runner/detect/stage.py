"""The stage `detect`: panels from the tables, verdicts from the detectors, incidents back into the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from pulse_runner.detect.distributions import distribution_panels, watched_attributes
from pulse_runner.detect.panels import constrained_attributes, first_day, health_panel, metric_panels
from pulse_runner.detectors import DETECTORS, Kind, Panels, Rule, Settings, Verdict
from pulse_runner.detectors.base import Bools, Days, DistributionPanel, MetricPanel
from pulse_runner.detectors.evaluate import DayReport, judge_day
from pulse_runner.incidents.baselines import distribution_exclusions
from pulse_runner.incidents.lifecycle import REOPEN_DAYS, accepted_levels, advance, confirmed_days
from pulse_runner.incidents.model import Incident, Subject, Transition
from pulse_runner.incidents.store import read_incidents, save
from pulse_runner.known_events.model import KnownEvent
from pulse_runner.known_events.read import excluded_days, excluded_spans, mute_health, read_events
from pulse_runner.segments.model import DetectorSettings, Project
from pulse_runner.warehouse.base import Warehouse


@dataclass
class DetectReport:
    """What a detection did over its dates; `findings` and `transitions` are in the order of the dates."""

    findings: list[Verdict] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        """Return verdicts by kind and incident events by name."""
        events = Counter(t.event.event for t in self.transitions)
        return {**dict(sorted(self.verdicts.items())), **dict(sorted(events.items()))}

    def sentence(self) -> str:
        """Return one line for a person."""
        events = Counter(t.event.event for t in self.transitions)
        told = ", ".join(f"{n} {name}" for name, n in sorted(events.items())) or "no change of any incident"
        return f"{self.verdicts['finding']} findings; {told}"


def detect(
    warehouse: Warehouse,
    project: Project,
    first: date,
    last: date,
    *,
    now: datetime,
    dry_run: bool = False,
    on_day: Callable[[date], None] = lambda day: None,
) -> DetectReport:
    """Judge every date from `first` to `last` and bring the incidents up to date; the same dates twice change nothing.

    Each date is written in one transaction of its own, so a run that stops in between has whole dates behind it.
    """
    segments = tuple(sorted(s.name for s in project.segments.values() if s.enabled))
    past = {i.incident_id: i for i in read_incidents(warehouse)}
    events = read_events(warehouse)
    panels = read_panels(warehouse, project, segments, first, last, list(past.values()), events)
    known = excluded_spans(events, project, segments)
    settings = detector_settings(project)
    about = subjects(project)
    spans = [a for d in DETECTORS for a in d.assess(panels, settings, np.datetime64(first), np.datetime64(last))]
    watched = watched_attributes(project, segments)
    report = DetectReport()
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        left_out = distribution_exclusions(past.values(), day + timedelta(days=1))
        left_out += [(s, "", starts, ends) for s, starts, ends in known]
        muted = {s for s, starts, ends in known if starts <= day <= ends}
        shares = distribution_panels(warehouse, day, watched, left_out)
        shifted = Panels(
            distributions={a: muted_panel(p, muted) for a, p in shares.items()},
            constrained=panels.constrained,
            entities=panels.entities,
            owners=panels.owners,
        )
        at = np.datetime64(day)
        today = [a for d in DETECTORS for a in d.assess(shifted, settings, at, at)]
        judged = judge_day([*spans, *today], panels, settings, at)
        oldest = day - timedelta(days=REOPEN_DAYS)
        stored = [i for i in past.values() if i.is_live or (i.resolved_on or day) >= oldest]
        changes = advance(judged, stored, about, now)
        if not dry_run:
            write_day(warehouse, day, judged, changes, stored)
        for change in changes:
            past[change.incident.incident_id] = change.incident
        report.transitions += changes
        report.findings += [v for v in judged.verdicts if v.kind == Kind.FINDING]
        report.verdicts.update(v.kind.word for v in judged.verdicts)
        report.verdicts["quiet"] += judged.quiet
        on_day(day)
    return report


def read_panels(
    warehouse: Warehouse,
    project: Project,
    segments: tuple[str, ...],
    first: date,
    last: date,
    incidents: Sequence[Incident],
    events: list[KnownEvent],
) -> Panels:
    """Return the panels that end on `last`, with known events and confirmed incident days left out."""
    start = min(first_day(first), first)
    days = np.arange(np.datetime64(start), np.datetime64(last) + 1)
    muted = excluded_days(events, project, segments, days)
    panels = metric_panels(warehouse, segments, start, last, muted)
    panels = {m: _annotate(p, incidents, first) for m, p in panels.items()}
    return Panels(
        metrics=panels,
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
                rule = Rule(enabled=False) if threshold is None else Rule(threshold)
                per_attribute[segment.name, detector, attribute] = rule
    return Settings(segments=per_segment, attributes=per_attribute)


def subjects(project: Project) -> dict[str, Subject]:
    """Return label, entity and owner of every segment, and of every entity by its own name."""
    about = {s.name: Subject(s.label or s.name, s.entity, s.owner) for s in project.segments.values()}
    for entity in project.entities.values():
        owners = Counter(s.owner for s in project.segments.values() if s.entity == entity.name)
        owner = owners.most_common(1)[0][0] if owners else ""
        about.setdefault(entity.name, Subject(entity.label or entity.name, entity.name, owner))
    return about


def write_day(
    warehouse: Warehouse, day: date, report: DayReport, changes: Sequence[Transition], stored: Sequence[Incident]
) -> None:
    """Write the findings of a date, and the incidents and events that it changed, all or nothing."""
    homes = {key: i.incident_id for i in [*stored, *(c.incident for c in changes)] for key in i.keys}
    rows = [_finding_row(v, homes) for v in report.verdicts if v.kind not in (Kind.QUIET, Kind.DISABLED)]
    with warehouse.transaction():
        warehouse.delete("pulse_findings", "snapshot_date", day)
        warehouse.insert("pulse_findings", rows)
        save(warehouse, changes)


def _finding_row(verdict: Verdict, homes: dict[Any, str]) -> dict[str, object]:
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
        "incident_id": homes.get(verdict.key, "") if f else "",
        "reason": verdict.reason,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _rule(own: DetectorSettings) -> Rule:
    return Rule(own.threshold, own.direction, own.enabled is not False)


def _annotate(panel: MetricPanel, incidents: Iterable[Incident], first: date) -> MetricPanel:
    """Leave the days of past incidents out, and start anew where a level was accepted."""
    place = {s: i for i, s in enumerate(panel.segment_ids)}
    shape = (len(panel.segment_ids), len(panel.dates))
    excluded: Bools = np.zeros(shape, bool) if panel.excluded is None else panel.excluded.copy()
    rebased: Days = np.full(shape[0], np.datetime64("NaT"), "datetime64[D]")
    known = [i for i in incidents if i.status == "resolved" and i.resolution != "recovered"]
    for key, spans in confirmed_days(known, first).items():
        if key[3] == panel.metric and key[1] in place:
            for start, stop in spans:
                inside = (panel.dates >= np.datetime64(start)) & (panel.dates <= np.datetime64(stop))
                excluded[place[key[1]]] |= inside & (panel.dates < np.datetime64(first))
    people = [i for i in incidents if i.status == "ignored" or (i.resolution == "accepted" and i.resolved_on)]
    for key, start in accepted_levels(people).items():
        if key[3] == panel.metric and key[1] in place:
            rebased[place[key[1]]] = np.datetime64(start)
    return replace(panel, excluded=excluded, rebased_on=rebased)
