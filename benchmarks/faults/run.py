"""One fault through the line, and what came out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.faults.catalogue import Fault
from benchmarks.faults.shop import Shop, noon
from pulse_runner.alert.compose import importance
from pulse_runner.alert.topics import topics_of
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.stage import explain_incidents
from pulse_runner.explain.store import StoredExplanation, latest_explanations
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.stage import detect
from pulse_runner.incidents.store import list_incidents
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

Order = Callable[[Incident], Any]


@dataclass
class Outcome:
    """What the line said about a fault over its days; None where the question does not arise."""

    fault: Fault
    detected: bool = False
    rank: int | None = None  # of the right cause in the lead's hypotheses, 0 is first
    column: bool | None = None
    slice: bool | None = None
    stories: int = 0
    blamed: bool = False  # an upstream fault for a real change
    both: bool | None = None  # a pair: is the second fault told too?
    high: list[bool] = field(default_factory=list)  # of each hypothesis that leads with high confidence: is it right?
    told: list[str] = field(default_factory=list)


def run(shop: Shop, fault: Fault, days: int = 1) -> Outcome:
    """Plant a fault, build its first days, judge and explain one after the other."""
    out = Outcome(fault)
    planted = fault.plant(shop)
    with shop.planted(planted.edits, planted.statements):
        edited = {Path(p).stem for p in planted.edits} | {"fct_demo__orders"}
        shop.build(shop.day, shop.day + timedelta(days=days - 1), sorted(edited))
        project = shop.project()
        with shop.warehouse() as warehouse:
            order = importance_in(warehouse, project, shop.last)
            known = {i.incident_id for i in list_incidents(warehouse)}
            for n in range(days):
                day = shop.day + timedelta(days=n)
                detect(warehouse, project, day, day, now=noon(day))
                explain_incidents(warehouse, project, day, noon(day), {}, root=shop.root)
                if n == 0:
                    first = [i for i in list_incidents(warehouse) if i.incident_id not in known]
                    told = latest_explanations(warehouse, [i.incident_id for i in first])
                    _first_day(out, first, told, order)
            every = [i for i in list_incidents(warehouse) if i.incident_id not in known]
            told = latest_explanations(warehouse, [i.incident_id for i in every])
            out.stories = len({i.group_key for i in every})
            if every and not out.detected:
                _score(out, every, told, order)
            _calibrate(out, every, told)
    return out


def importance_in(warehouse: Warehouse, project: Project, day: date) -> Order:
    """Return what orders incidents as a message does: its headline is that of the first."""
    return lambda incident: importance(topics_of(warehouse, project, [incident], day)[incident.incident_id])


def _first_day(out: Outcome, incidents: list[Incident], told: dict[str, StoredExplanation], order: Order) -> None:
    out.detected = bool(incidents)
    if incidents:
        _score(out, incidents, told, order)


def _score(out: Outcome, incidents: list[Incident], told: dict[str, StoredExplanation], order: Order) -> None:
    """Judge the story that the fault makes: its lead is what a person reads first."""
    fault = out.fault
    stories: dict[str, list[Incident]] = {}
    for incident in incidents:
        stories.setdefault(incident.group_key, []).append(incident)
    leads = sorted((min(story, key=order) for story in stories.values()), key=order)
    out.told = [_line(i, told.get(i.incident_id)) for i in sorted(incidents, key=lambda i: i not in leads)]
    first = told.get(leads[0].incident_id)
    if first is None:
        return
    names = [h.cause for h in first.explanation.hypotheses]
    out.rank = next((n for n, name in enumerate(names) if name in fault.causes | fault.also), None)
    said = " ".join(_text(h, first.evidence) for h in first.explanation.hypotheses[:1])
    out.column = fault.column in said if fault.column and not fault.also else None
    out.slice = fault.slice in said if fault.slice else None
    out.blamed = fault.real and any(
        (t := told.get(i.incident_id)) is not None and t.explanation.hypotheses[0].cause not in fault.causes
        for i in incidents
    )
    if fault.also:
        causes = {told[i.incident_id].explanation.hypotheses[0].cause for i in incidents if i.incident_id in told}
        out.both = bool(causes & fault.causes) and bool(causes & fault.also)


def _calibrate(out: Outcome, incidents: list[Incident], told: dict[str, StoredExplanation]) -> None:
    right = out.fault.causes | out.fault.also
    for incident in incidents:
        stored = told.get(incident.incident_id)
        if stored is not None and stored.explanation.hypotheses[0].confidence == "high":
            out.high.append(stored.explanation.hypotheses[0].cause in right)


def _text(hypothesis: Hypothesis, evidence: tuple[Evidence, ...]) -> str:
    cited = [e for e in evidence if e.id in hypothesis.evidence]
    return " ".join([hypothesis.title, hypothesis.reasoning, *(str(e.values.get("column_name", "")) for e in cited)])


def _line(incident: Incident, stored: StoredExplanation | None) -> str:
    what = f"{incident.segment_id or incident.entity} {incident.detector}/{incident.metric} {incident.attribute or ''} {incident.severity}"
    if stored is None:
        return f"{what}: not explained"
    return f"{what}: {'; '.join(f'{h.cause} ({h.confidence})' for h in stored.explanation.hypotheses)} | {stored.explanation.headline}"
