"""The stage `explain`: evidence from the tables, hypotheses by rules or a model, versions into pulse_incident_explanations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pulse_runner.errors import ExplainError
from pulse_runner.explain.evidence import Bundle, gather
from pulse_runner.explain.hypotheses import explain
from pulse_runner.explain.llm import Model, ModelError, make_model, without_model
from pulse_runner.explain.model import Explanation, Rejection, dumps, evidence_hash
from pulse_runner.explain.upstream import read_manifest
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

ACTIVE = ("open", "acknowledged")
SMALLEST_BUCKET = 5
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
) -> list[dict[str, Any]]:
    """Write an explanation for each incident that needs one and return the new rows of pulse_incident_explanations.

    Without `incident_ids` these are the active incidents and those that were never explained, of `day` or earlier. A new version is
    made only when the evidence changed (or with `force`). A model is asked for active or named incidents, when a key is set.
    `root` is the dbt project's folder, for the lineage in its manifest.
    """
    incidents = _wanted(warehouse, day, incident_ids)
    latest = _latest(warehouse)
    manifest = read_manifest(root)
    smallest = _smallest_bucket(env)
    model = make_model(env)
    calls, unavailable, out = 0, "", list[dict[str, Any]]()
    for incident in incidents:
        previous = latest.get(incident["incident_id"])
        bundle = gather(warehouse, incident, project, manifest, k=smallest)
        digest = evidence_hash(bundle.evidence)
        if previous and previous["evidence_hash"] == digest and not force:
            continue
        explanation = _with_gaps(explain(bundle.case, bundle.evidence), bundle)
        if model and (incident["status"] in ACTIVE or incident_ids):
            if unavailable:
                explanation = without_model(explanation, unavailable)
            elif calls >= MODEL_CALLS:
                explanation = without_model(explanation, f"more than {MODEL_CALLS} incidents in one run")
            else:
                calls += 1
                explanation, unavailable = _worded(model, bundle, explanation)
        version = int(previous["version"]) + 1 if previous else 1
        out.append(_row(bundle, explanation, digest, version, now))
    if not dry_run:
        with warehouse.transaction():
            warehouse.replace("pulse_incident_explanations", ["explanation_id"], out)
    return out


def _worded(model: Model, bundle: Bundle, fallback: Explanation) -> tuple[Explanation, str]:
    """Return the model's explanation, or the rule-based one with the reason; the text is set when asking again is no use."""
    try:
        return model.explain(bundle, fallback), ""
    except ModelError as error:
        return without_model(fallback, str(error)), str(error) if error.final else ""


def _with_gaps(explanation: Explanation, bundle: Bundle) -> Explanation:
    gaps = tuple(Rejection("evidence", gap, "the query failed; what it asks is not known") for gap in bundle.gaps)
    return replace(explanation, rejected=(*explanation.rejected, *gaps))


def _wanted(warehouse: Warehouse, day: date, incident_ids: Sequence[str] | None) -> list[dict[str, Any]]:
    incidents = warehouse.table("pulse_incidents")
    if incident_ids is not None:
        if not incident_ids:
            return []
        marks = ", ".join("?" for _ in incident_ids)
        sql = f"select * from {incidents} where incident_id in ({marks}) order by started_on, incident_id"
        return warehouse.query(sql, list(incident_ids))
    explained = warehouse.table("pulse_incident_explanations")
    return warehouse.query(
        f"select i.* from {incidents} as i where i.started_on <= ? and i.status <> 'ignored'"
        " and (i.status in ('open', 'acknowledged')"
        f" or not exists (select 1 from {explained} as e where e.incident_id = i.incident_id))"
        " order by i.started_on, i.incident_id",
        [day],
    )


def _latest(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """Return version and evidence hash of each incident's newest explanation."""
    table = warehouse.table("pulse_incident_explanations")
    rows = warehouse.query(f"select incident_id, version, evidence_hash from {table} order by incident_id, version")
    return {r["incident_id"]: r for r in rows}


def _row(bundle: Bundle, explanation: Explanation, digest: str, version: int, now: datetime) -> dict[str, Any]:
    case = bundle.case
    identity = sha256(f"{case.incident_id}|{version}".encode()).hexdigest()[:16]
    return {
        "explanation_id": identity,
        "incident_id": case.incident_id,
        "version": version,
        "snapshot_date": case.last,
        "created_at": now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now,
        "source": explanation.source,
        "model": explanation.model,
        "headline": explanation.headline,
        "summary": explanation.summary,
        **explanation.json_columns(),
        "evidence": dumps([asdict(e) for e in bundle.evidence]),
        "evidence_hash": digest,
    }


def _smallest_bucket(env: Mapping[str, str]) -> int:
    text = env.get("PULSE_SMALLEST_BUCKET") or str(SMALLEST_BUCKET)
    if not text.isdigit():
        raise ExplainError(f"PULSE_SMALLEST_BUCKET must be a whole number, not {text!r}.")
    return max(int(text), 1)
