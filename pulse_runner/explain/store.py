"""Explanations in the warehouse: the one place that writes and reads the JSON of their table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, TypeVar

from pulse_runner.errors import ExplainError
from pulse_runner.explain.explanation import Evidence, Explanation, Hypothesis, Rejection
from pulse_runner.warehouse.base import Warehouse

TABLE = "pulse_incident_explanations"
Part = TypeVar("Part", Evidence, Hypothesis, Rejection)


@dataclass(frozen=True)
class StoredExplanation:
    """One row of `pulse_incident_explanations`: a version of what is believed about an incident.

    `snapshot_date` is the date of the evidence; `created_at` is UTC without a zone.
    """

    explanation_id: str
    incident_id: str
    version: int
    snapshot_date: date
    created_at: datetime
    explanation: Explanation
    evidence: tuple[Evidence, ...]
    evidence_hash: str


def new_version(
    incident_id: str,
    version: int,
    snapshot_date: date,
    now: datetime,
    explanation: Explanation,
    evidence: Sequence[Evidence],
    digest: str = "",
) -> StoredExplanation:
    """Return a version of an incident's explanation; the same version has the same id.

    `digest` is the hash of what the rules knew, where a model has added to the evidence.
    """
    return StoredExplanation(
        explanation_id=sha256(f"{incident_id}|{version}".encode()).hexdigest()[:16],
        incident_id=incident_id,
        version=version,
        snapshot_date=snapshot_date,
        created_at=now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now,
        explanation=explanation,
        evidence=tuple(evidence),
        evidence_hash=digest or evidence_hash(evidence),
    )


def evidence_hash(evidence: Iterable[Evidence]) -> str:
    """Return a digest of what is known: it changes exactly when a fact does."""
    facts = sorted(_json([e.kind, e.statement, dict(e.values)]) for e in evidence)
    return sha256("\n".join(facts).encode()).hexdigest()[:16]


def latest_versions(warehouse: Warehouse) -> dict[str, int]:
    """Return the number of the newest version by incident, also of one that cannot be read."""
    rows = warehouse.query(f"select incident_id, max(version) as version from {warehouse.table(TABLE)} group by 1")
    return {r["incident_id"]: int(r["version"]) for r in rows}


def latest_explanations(warehouse: Warehouse, incident_ids: Sequence[str]) -> dict[str, StoredExplanation]:
    """Return the newest version by incident, for those of `incident_ids` that have one.

    Raise ExplainError when a stored explanation cannot be read.
    """
    if not incident_ids:
        return {}
    marks = ", ".join("?" for _ in incident_ids)
    rows = warehouse.query(
        f"select * from {warehouse.table(TABLE)} where incident_id in ({marks}) order by incident_id, version",
        list(incident_ids),
    )
    newest = {row["incident_id"]: row for row in rows}
    return {incident_id: stored_explanation(row) for incident_id, row in newest.items()}


def causes_of(warehouse: Warehouse, incident_ids: Sequence[str]) -> dict[str, list[tuple[datetime, str]]]:
    """Return by incident what each version believed in most ('' for nothing), with when it was made, the oldest first."""
    if not incident_ids:
        return {}
    marks = ", ".join("?" for _ in incident_ids)
    rows = warehouse.query(
        f"select incident_id, version, created_at, hypotheses from {warehouse.table(TABLE)}"
        f" where incident_id in ({marks}) order by incident_id, version",
        list(incident_ids),
    )
    out: dict[str, list[tuple[datetime, str]]] = {}
    for row in rows:
        first: dict[str, Any] = next(iter(_listed(row, "hypotheses")), {})
        out.setdefault(row["incident_id"], []).append((row["created_at"], str(first.get("cause", ""))))
    return out


def save(warehouse: Warehouse, explanations: Sequence[StoredExplanation]) -> None:
    """Write explanations, all or nothing; the same call twice changes nothing."""
    with warehouse.transaction():
        warehouse.replace(TABLE, ["explanation_id"], [explanation_row(e) for e in explanations])


def stored_explanation(row: Mapping[str, Any]) -> StoredExplanation:
    """Return a row of the table as a StoredExplanation; raise ExplainError if it is unreadable."""
    return StoredExplanation(
        explanation_id=row["explanation_id"],
        incident_id=row["incident_id"],
        version=int(row["version"]),
        snapshot_date=row["snapshot_date"],
        created_at=row["created_at"],
        explanation=read_explanation(row),
        evidence=_parts(Evidence, row, "evidence"),
        evidence_hash=row["evidence_hash"] or "",
    )


def read_explanation(row: Mapping[str, Any]) -> Explanation:
    """Return what a row of the table explains; raise ExplainError if it is unreadable."""
    return Explanation(
        headline=row["headline"] or "",
        summary=row["summary"] or "",
        hypotheses=_parts(Hypothesis, row, "hypotheses"),
        recommendations=tuple(str(step) for step in _listed(row, "recommendations")),
        source=row["source"],
        model=row["model"] or "",
        rejected=_parts(Rejection, row, "rejected"),
    )


def explanation_row(stored: StoredExplanation) -> dict[str, object]:
    """Return a StoredExplanation as its row of the table, nested values as JSON text."""
    told = stored.explanation
    nested = explanation_values(stored)
    return {
        "explanation_id": stored.explanation_id,
        "incident_id": stored.incident_id,
        "version": stored.version,
        "snapshot_date": stored.snapshot_date,
        "created_at": stored.created_at,
        "source": told.source,
        "model": told.model,
        "headline": told.headline,
        "summary": told.summary,
        **{name: _json(nested[name]) for name in ("hypotheses", "recommendations", "rejected", "evidence")},
        "evidence_hash": stored.evidence_hash,
    }


def explanation_values(stored: StoredExplanation) -> dict[str, list[Any]]:
    """Return the nested columns as plain values: what their JSON text says."""
    told = stored.explanation
    return {
        "hypotheses": [{"rank": n, **asdict(h)} for n, h in enumerate(told.hypotheses, start=1)],
        "recommendations": list(told.recommendations),
        "rejected": [asdict(r) for r in told.rejected],
        "evidence": [asdict(e) for e in stored.evidence],
    }


def _parts(kind: type[Part], row: Mapping[str, Any], column: str) -> tuple[Part, ...]:
    """Return the objects of a JSON column; a key that this version does not know is left out."""
    out = list[Part]()
    for item in _listed(row, column):
        known = {f.name: item[f.name] for f in fields(kind) if f.name in item} if isinstance(item, dict) else {}
        missing = [f.name for f in fields(kind) if f.name not in known and f.default is MISSING]
        if missing:
            raise _unreadable(row, f"{column} has an entry without {', '.join(missing)}")
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in known.items()}
        out.append(kind(**values))
    return tuple(out)


def _listed(row: Mapping[str, Any], column: str) -> list[Any]:
    try:
        found = json.loads(row[column] or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise _unreadable(row, f"{column} is not a JSON list")
    return found


def _unreadable(row: Mapping[str, Any], why: str) -> ExplainError:
    return ExplainError(
        f"Version {row['version']} of the explanation of incident {row['incident_id']} cannot be read: {why}."
        f" `pulse explain {row['incident_id']} --force` makes a new one."
    )


def _json(value: Any) -> str:
    """Return JSON text that is the same for the same value."""
    return json.dumps(value, ensure_ascii=False, default=str)
