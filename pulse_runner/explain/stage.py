"""The stage `explain`: evidence from tables, hypotheses by rules or a model, stored versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from pulse_runner.errors import ExplainError
from pulse_runner.explain.agent import store as investigations
from pulse_runner.explain.agent.analyst import Told, make_analyst
from pulse_runner.explain.evidence.collector import Answers
from pulse_runner.explain.evidence.gather import Bundle, gather
from pulse_runner.explain.explanation import Explanation, Rejection
from pulse_runner.explain.news import is_news
from pulse_runner.explain.ranking import explain
from pulse_runner.explain.store import (
    StoredExplanation,
    evidence_hash,
    latest_explanations,
    latest_versions,
    new_version,
    save,
)
from pulse_runner.explain.stories import stories
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.store import incident_of, regroup
from pulse_runner.segments.model import Project
from pulse_runner.vocabulary import ACTIVE, ACTIVE_SQL
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import read_manifest

SMALLEST_BUCKET = 5
LOOKED_AT_AGAIN = 14  # days after its detection on which an incident is explained again
ENDED_DAYS = 30  # a story keeps its name for so long after its oldest incident ended


def explain_incidents(
    warehouse: Warehouse,
    project: Project,
    day: date,
    now: datetime,
    env: Mapping[str, str],
    *,
    incident_ids: Sequence[str] | None = None,
    force: bool = False,
    dry_run: bool = False,
    root: Path | None = None,
) -> list[StoredExplanation]:
    """Explain each incident that needs it; return the new versions, stored unless `dry_run`.

    Without `incident_ids` these are the active incidents and those that were never explained, of
    `day` or earlier. An active one is explained again each day, as of the latest on which it was seen. A new version is made
    only when the evidence of its day changed, when a later day says something new (or with `force`), or when a model
    answers that has not yet. A model is asked for active or named incidents, when one is set up. `root` is the dbt
    project's folder, for the lineage in its manifest.
    """
    incidents = _named(warehouse, incident_ids) if incident_ids is not None else _due(warehouse, day)
    versions = latest_versions(warehouse)
    known = {} if force else latest_explanations(warehouse, [i.incident_id for i in incidents])
    manifest, smallest = read_manifest(root), smallest_bucket(env)
    analyst = make_analyst(env, warehouse, project, manifest, now, root)
    out, tries, answers = list[StoredExplanation](), list[investigations.Investigated](), Answers()
    for incident in incidents:
        identity, asks = incident.incident_id, incident.status in ACTIVE or bool(incident_ids)
        last, version = known.get(identity), versions.get(identity, 0)
        for until in _days(incident, last, day)[-1 if force else 0 :]:
            bundle = gather(warehouse, incident, project, manifest, smallest, until, root, answers)
            rules, digest = _with_gaps(explain(bundle.case, bundle.evidence), bundle), evidence_hash(bundle.evidence)
            is_told = last is not None and not _is_new(bundle, rules, last)
            # a model answers once for what is told, whatever the counts of later days are
            key = last.evidence_hash if last is not None and is_told else digest
            if is_told and not (asks and analyst.is_due(identity, key)):
                continue
            told = analyst.explain(bundle, rules, incident.severity, key) if asks else Told(rules, bundle.evidence)
            is_new = told.is_answered or not is_told  # a model that failed again adds nothing to what is told
            made = new_version(identity, version + 1, bundle.case.last, now, told.explanation, told.evidence, digest)
            if is_new:
                version, last = version + 1, made
                out.append(made)
            if told.attempt:
                tries.append(replace(told.attempt, explanation_id=made.explanation_id if is_new else ""))
    if not dry_run:
        save(warehouse, out)
        investigations.save(warehouse, tries)
        _gather_stories(warehouse, project, day)
    return out


def _gather_stories(warehouse: Warehouse, project: Project, day: date) -> None:
    """Store which incidents are one story: the active ones of `day` or earlier, and those that ended in the last weeks."""
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_incidents')} where detected_on <= ?"
        f" and (status in ({ACTIVE_SQL}) or resolved_on >= ?)",
        [day, day - timedelta(days=ENDED_DAYS)],
    )
    incidents = [incident_of(row) for row in rows]
    told = latest_explanations(warehouse, [i.incident_id for i in incidents])
    regroup(warehouse, incidents, stories(incidents, told, project.entities))


def _days(incident: Incident, last: StoredExplanation | None, day: date) -> list[date]:
    """Return the days to explain an incident as of: that of its detection first, then the latest on which it was seen."""
    found = max(incident.detected_on, incident.started_on)
    seen = min(max(min(day, incident.last_seen_on), found), found + timedelta(days=LOOKED_AT_AGAIN))
    if last is None:
        return sorted({found, seen if incident.status in ACTIVE else found})
    return [max(seen if incident.status in ACTIVE else found, last.snapshot_date)]


def _is_new(bundle: Bundle, explanation: Explanation, last: StoredExplanation) -> bool:
    """Say whether an explanation is worth a version: of the same day if a fact is another, of a later one if what is said is."""
    if last.snapshot_date >= bundle.case.last:
        return last.evidence_hash != evidence_hash(bundle.evidence)
    before = explain(replace(bundle.case, last=last.snapshot_date), last.evidence)
    return is_news(before, last.evidence, explanation, bundle.evidence)


def ask_about(
    warehouse: Warehouse, project: Project, now: datetime, env: Mapping[str, str], incident_id: str, question: str,
    *, dry_run: bool = False, root: Path | None = None,
) -> Told:  # fmt: skip
    """Return what a model answers to a person's question about an incident; its steps are kept, no explanation is made.

    Raise ExplainError where there is no model.
    """
    (incident,) = _named(warehouse, [incident_id])
    manifest = read_manifest(root)
    analyst = make_analyst(env, warehouse, project, manifest, now, root)
    bundle = gather(warehouse, incident, project, manifest, k=smallest_bucket(env), root=root)
    rules = explain(bundle.case, bundle.evidence)
    told = analyst.explain(bundle, rules, incident.severity, evidence_hash(bundle.evidence), question)
    if told.attempt is None:
        why = told.explanation.rejected[-1].reason if told.explanation.rejected else "no model is set up"
        raise ExplainError(
            f"Nobody can be asked: {why}.",
            "Set OPENAI_API_KEY, or OPENAI_BASE_URL with PULSE_OPENAI_MODEL; docs/explanations.md.",
        )
    if not dry_run:
        investigations.save(warehouse, [told.attempt])
    return told


def _with_gaps(explanation: Explanation, bundle: Bundle) -> Explanation:
    gaps = tuple(Rejection("evidence", gap, "the query failed; what it asks is not known") for gap in bundle.gaps)
    return replace(explanation, rejected=(*explanation.rejected, *gaps))


def _named(warehouse: Warehouse, incident_ids: Sequence[str]) -> list[Incident]:
    """Return the incidents of these ids, the oldest first."""
    if not incident_ids:
        return []
    marks = ", ".join("?" for _ in incident_ids)
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_incidents')} where incident_id in ({marks})"
        " order by started_on, incident_id",
        list(incident_ids),
    )
    return [incident_of(row) for row in rows]


def _due(warehouse: Warehouse, day: date) -> list[Incident]:
    """Return the incidents of `day` or earlier that are active or were never explained."""
    rows = warehouse.query(
        f"select i.* from {warehouse.table('pulse_incidents')} as i where i.started_on <= ? and i.status <> 'ignored'"
        f" and (i.status in ({ACTIVE_SQL}) or not exists (select 1"
        f" from {warehouse.table('pulse_incident_explanations')} as e where e.incident_id = i.incident_id))"
        " order by i.started_on, i.incident_id",
        [day],
    )
    return [incident_of(row) for row in rows]


def smallest_bucket(env: Mapping[str, str]) -> int:
    """Return below how many people a group is not told, from PULSE_SMALLEST_BUCKET; raise ExplainError on another text."""
    text = env.get("PULSE_SMALLEST_BUCKET") or str(SMALLEST_BUCKET)
    if not text.isdigit():
        raise ExplainError(f"PULSE_SMALLEST_BUCKET must be a whole number, not {text!r}.")
    return max(int(text), 1)
