"""The stage `explain`: evidence from tables, hypotheses by rules or a model, stored versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from pulse_runner.errors import ExplainError
from pulse_runner.explain.agent.llm import LanguageModel, ModelError, make_model, without_model
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
MODEL_CALLS = 25  # per run: a bad day with hundreds of incidents must not become a bill


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
    only when the evidence of its day changed, or when a later day says something new (or with `force`). A
    model is asked for active or named incidents, when a key is set. `root` is the dbt project's
    folder, for the lineage in its manifest.
    """
    incidents = _named(warehouse, incident_ids) if incident_ids is not None else _due(warehouse, day)
    versions = latest_versions(warehouse)
    known = {} if force else latest_explanations(warehouse, [i.incident_id for i in incidents])
    manifest, smallest = read_manifest(root), smallest_bucket(env)
    model, out, answers = _Budget(make_model(env, root)), list[StoredExplanation](), Answers()
    for incident in incidents:
        last, version = known.get(incident.incident_id), versions.get(incident.incident_id, 0)
        for until in _days(incident, last, day)[-1 if force else 0 :]:
            bundle = gather(warehouse, incident, project, manifest, smallest, until, root, answers)
            explanation = _with_gaps(explain(bundle.case, bundle.evidence), bundle)
            if last is not None and not _is_new(bundle, explanation, last):
                continue
            if incident.status in ACTIVE or incident_ids:
                explanation = model.explain(bundle, explanation)
            version += 1
            last = new_version(incident.incident_id, version, bundle.case.last, now, explanation, bundle.evidence)
            out.append(last)
    if not dry_run:
        save(warehouse, out)
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


@dataclass
class _Budget:
    """A model and how often it may still be asked in this run; None is no model at all."""

    model: LanguageModel | None
    calls: int = 0
    unavailable: str = ""  # why asking again is no use

    def explain(self, bundle: Bundle, fallback: Explanation) -> Explanation:
        """Return the model's explanation, or the rule-based one with the reason."""
        if self.model is None:
            return fallback
        if self.unavailable:
            return without_model(fallback, self.unavailable)
        if self.calls >= MODEL_CALLS:
            return without_model(fallback, f"more than {MODEL_CALLS} incidents in one run")
        self.calls += 1
        try:
            return self.model.explain(bundle, fallback)
        except ModelError as error:
            self.unavailable = str(error) if error.final else ""
            return without_model(fallback, str(error))


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
    """Return how many people a group has at least that is told with its number; raise ExplainError for what is no number."""
    text = env.get("PULSE_SMALLEST_BUCKET") or str(SMALLEST_BUCKET)
    if not text.isdigit():
        raise ExplainError(f"PULSE_SMALLEST_BUCKET must be a whole number, not {text!r}.")
    return max(int(text), 1)
