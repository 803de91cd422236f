"""What needs attention today, in a sentence each, the worst first: what a report and `pulse` alone begin with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pulse_runner.alert.compose import Topic, headline, importance
from pulse_runner.alert.message import clean
from pulse_runner.alert.repair import first_step
from pulse_runner.alert.undelivered import undelivered
from pulse_runner.detect.forecasts import trends_ahead
from pulse_runner.explain.store import StoredExplanation, latest_explanations
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.store import list_incidents
from pulse_runner.segments.model import Project
from pulse_runner.snapshot.history import missing_days, needs_sentences
from pulse_runner.snapshot.read import latest_snapshots
from pulse_runner.vocabulary import ACTIVE, Severity, plural
from pulse_runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class Notice:
    """One thing that needs attention. `severity` is '' for what is no incident; `step` is what to do first, '' when nobody knows."""

    severity: Severity | str
    sentence: str
    cause: str = ""
    step: str = ""
    incident: str = ""
    segment_id: str = ""
    owner: str = ""
    status: str = ""
    since: date | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """Which segments a report is about: those of some owners, or some by name; empty means all of them."""

    owners: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()

    def takes(self, segment_id: str, owner: str) -> bool:
        """Say whether a segment, or an entity's incident by its owner, belongs to it."""
        if self.segments:
            return segment_id in self.segments
        return not self.owners or owner in self.owners


EVERYTHING = Scope()


def notices(warehouse: Warehouse, project: Project, last: date, today: date, scope: Scope = EVERYTHING) -> list[Notice]:
    """Return what needs attention as of `last`, the date of the newest snapshots, the worst first."""
    active = [i for i in list_incidents(warehouse, statuses=ACTIVE) if in_scope(i, project, scope)]
    awake = [i for i in active if not i.is_snoozed(last)]
    told = latest_explanations(warehouse, [i.incident_id for i in awake])
    out = _causes(topics(project, awake, told), last)
    lately = latest_snapshots(warehouse, last - timedelta(days=1), last)
    lately = [r for r in lately if r["segment_id"] in project.segments]
    lately = [r for r in lately if scope.takes(r["segment_id"], project.segments[r["segment_id"]].owner)]
    out += _blind(lately, {i.segment_id for i in active}, project)
    out += [
        Notice("", f"Snoozed until {i.until_on}: {clean(i.title)} ({i.name}).", segment_id=i.segment_id)
        for i in active
        if i.is_snoozed(last)
    ]
    if (today - last).days > 1:
        age = plural((today - last).days, "day")
        out.append(Notice("", f"The newest snapshots are {age} old: of {last}.", step="pulse run --since-last-run"))
    out += [
        Notice("", f"Alerts have not arrived: {gap.sentence()}", step="pulse doctor")
        for gap in undelivered(warehouse, project, last)
        if not scope.segments and not scope.owners
    ]
    names = {s.name for s in project.segments.values() if s.enabled and scope.takes(s.name, s.owner)}
    broken = {i.segment_id for i in active} | {s for s in project.segments if s not in names}
    out += [
        Notice("", f"On its way: {text}", segment_id=text.split(":")[0])
        for text in trends_ahead(warehouse, project, last, broken)
        if text.split(":")[0] in names
    ]
    short = {s: n for s, n in missing_days(warehouse, project, last).items() if s in names}
    return out + [Notice("", f"Too little history: {text}.") for text in needs_sentences(short)]


def in_scope(incident: Incident, project: Project, scope: Scope) -> bool:
    """Say whether an incident is one of the report: of its segments, or of an entity that they select from."""
    if incident.segment_id or not (scope.owners or scope.segments):
        return scope.takes(incident.segment_id, incident.owner)
    return any(s.entity == incident.entity and scope.takes(s.name, s.owner) for s in project.segments.values())


def topics(project: Project, incidents: Iterable[Incident], told: dict[str, StoredExplanation]) -> dict[str, Topic]:
    """Return what is said about incidents, by id: label, owner and explanation."""
    return {
        i.incident_id: Topic(i, label_of(project, i), owner_of(project, i), explanation=told.get(i.incident_id))
        for i in incidents
    }


def label_of(project: Project, incident: Incident) -> str:
    """Return the name for people of what an incident is about."""
    segment, entity = project.segments.get(incident.segment_id), project.entities.get(incident.entity)
    if incident.segment_id:
        return (segment.label if segment else "") or incident.segment_id
    return (entity.label if entity else "") or incident.entity.replace("_", " ").capitalize()


def owner_of(project: Project, incident: Incident) -> str:
    """Return who is told about an incident."""
    segment = project.segments.get(incident.segment_id)
    return incident.owner or (segment.owner if segment else "")


def sentence_of(topic: Topic, day: date) -> str:
    """Say what an incident is in one line: how much, against what; of one that is over, its title."""
    return headline("opened", topic, day) if topic.incident.status in ACTIVE else clean(topic.incident.title)


def _causes(about: dict[str, Topic], day: date) -> list[Notice]:
    """Return one notice per cause: the most telling incident of it, with the names of the others."""
    groups: dict[str, list[Topic]] = {}
    for topic in sorted(about.values(), key=importance):
        groups.setdefault(topic.incident.group_key or topic.incident.incident_id, []).append(topic)
    return [_notice(group, day) for group in groups.values()]


def _notice(group: Sequence[Topic], day: date) -> Notice:
    first = group[0]
    told = first.explanation.explanation if first.explanation else None
    cause = (
        f"{told.hypotheses[0].title} ({told.hypotheses[0].confidence} confidence)" if told and told.hypotheses else ""
    )
    step = first_step(told.recommendations) if told else ""
    return Notice(
        severity=first.incident.severity,
        sentence=sentence_of(first, day),
        cause=clean(cause),
        step=clean(step),
        incident=first.incident.name,
        segment_id=first.incident.segment_id,
        owner=first.owner,
        status=first.incident.status,
        since=first.incident.started_on,
        others=tuple(t.incident.name for t in group[1:]),
    )


def _blind(rows: Sequence[dict[str, object]], told: Collection[str], project: Project) -> list[Notice]:
    """Return a notice per segment without usable numbers that no incident tells of."""
    return [
        Notice(
            "",
            f"{project.segments[str(r['segment_id'])].label or r['segment_id']} has no numbers on {r['snapshot_date']}:"
            f" it is {r['status']}, {r['status_reason']}.",
            segment_id=str(r["segment_id"]),
        )
        for r in rows
        if r["status"] != "ok" and r["segment_id"] not in told
    ]
