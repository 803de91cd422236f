"""The stage `detect`, to its end: each date's verdicts become findings and incidents in the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pulse_runner.detect.stage import Judge, Past, finding_row
from pulse_runner.detectors import Outcome, Verdict
from pulse_runner.detectors.base import Key
from pulse_runner.detectors.evaluate import DayReport
from pulse_runner.incidents.baselines import distribution_exclusions
from pulse_runner.incidents.history import History
from pulse_runner.incidents.incident import About, Transition
from pulse_runner.incidents.lifecycle import (
    REOPEN_DAYS,
    accepted_levels,
    advance,
    confirmed_days,
    ordinary_days,
)
from pulse_runner.incidents.store import read_history, save
from pulse_runner.segments.columns import measured_columns, rule_columns
from pulse_runner.segments.model import Entity, Project, Rule, Segment
from pulse_runner.vocabulary import span_of
from pulse_runner.warehouse.base import Warehouse

WRITTEN = ("pulse_findings", "pulse_incidents", "pulse_incident_events")


@dataclass
class DetectReport:
    """What a detection did over its dates; `findings` and `transitions` are in the order of the dates.

    `missing` are dates that no snapshot is of: they were passed over, and incidents stay as they are.
    """

    findings: list[Verdict] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    missing: list[date] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Return verdicts by kind and incident events by name."""
        events = Counter(t.event.event for t in self.transitions)
        return {**dict(sorted(self.verdicts.items())), **dict(sorted(events.items()))}

    def sentence(self) -> str:
        """Return one line for a person."""
        events = Counter(t.event.event for t in self.transitions)
        told = ", ".join(f"{n} {name}" for name, n in sorted(events.items())) or "no change of any incident"
        passed_over = f"; no snapshots of {span_of(self.missing)}" if self.missing else ""
        return f"{self.verdicts['finding']} findings; {told}{passed_over}"


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
    warehouse.require_own(*WRITTEN)  # before a foreign table is read as if it were ours
    history = read_history(warehouse)
    judge: Judge | None = None
    about = subjects(project)
    report = DetectReport()
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        past = past_of(history, day)
        if judge is None or not judge.can_judge(day, past):
            judge = Judge(warehouse, project, day, last, past)
        if not judge.has_snapshots(day):
            report.missing.append(day)
            continue
        judged = judge.judge(day, distribution_exclusions(history.known_before(day), day + timedelta(days=1)))
        oldest = day - timedelta(days=REOPEN_DAYS)
        stored = [i for i in history.current if i.is_live or (i.resolved_on or day) >= oldest]
        changes = advance(judged, stored, about, now)
        history.record(changes)
        if not dry_run:
            write_day(warehouse, day, judged, changes, history.homes(day))
        report.transitions += changes
        report.findings += [v for v in judged.verdicts if v.kind == Outcome.FINDING]
        report.verdicts.update(v.kind.word for v in judged.verdicts)
        report.verdicts["quiet"] += judged.quiet
        on_day(day)
    return report


def past_of(history: History, day: date) -> Past:
    """Return what people decided about incidents before `day` was judged: it counts for the baselines of series.

    What Pulse decided itself does not: the detectors find that again in the series.
    """
    decided = history.decided_before(day)
    return Past(confirmed_days(decided, day), accepted_levels(decided), ordinary_days(decided))


def subjects(project: Project) -> dict[str, About]:
    """Return label, entity and owner of every segment, and of every entity by its own name."""
    rules = {name: s.rule for name, s in project.segments.items()}
    about = {
        s.name: About(s.label or s.name, s.entity, s.owner, s.criticality, _reads(s, project.entities[s.entity], rules))
        for s in project.segments.values()
    }
    for entity in project.entities.values():
        owners = Counter(s.owner for s in project.segments.values() if s.entity == entity.name)
        owner = owners.most_common(1)[0][0] if owners else ""
        about.setdefault(entity.name, About(entity.label or entity.name, entity.name, owner))
    return about


def _reads(segment: Segment, entity: Entity, rules: Mapping[str, Rule]) -> Callable[[str, str], frozenset[str]]:
    own = frozenset(rule_columns(segment.rule, entity, rules))
    return lambda metric, attribute: own | measured_columns(entity, metric, attribute)


def write_day(
    warehouse: Warehouse, day: date, report: DayReport, changes: Sequence[Transition], homes: Mapping[Key, str]
) -> None:
    """Write the findings of a date, each with the incident that `homes` names, and what changed, all or nothing."""
    rows = [
        finding_row(v, homes.get(v.key, "")) for v in report.verdicts if v.kind not in (Outcome.QUIET, Outcome.DISABLED)
    ]
    with warehouse.transaction():
        warehouse.delete("pulse_findings", "snapshot_date", day)
        warehouse.insert("pulse_findings", rows)
        save(warehouse, changes)
