"""Investigations in the warehouse: what a model was asked, what came of it, what it used. One row per try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

from pulse_runner.errors import NotBuiltError
from pulse_runner.explain.agent.transcript import Step, Usage, read_steps, steps_json
from pulse_runner.warehouse.base import Warehouse

TABLE = "pulse_investigations"


@dataclass(frozen=True)
class Investigated:
    """One row of `pulse_investigations`. `explanation_id` is the version that came of it, '' for none; `is_passing` says that the
    failure may go by; `created_at` is UTC without a zone."""

    investigation_id: str
    incident_id: str
    explanation_id: str
    snapshot_date: date
    created_at: datetime
    model: str
    prompt_version: str
    evidence_hash: str
    question: str
    outcome: str
    reason: str
    is_passing: bool
    verdict: str
    usage: Usage
    steps: tuple[Step, ...]


def identity(
    incident_id: str, evidence_hash: str, model: str, prompt_version: str, question: str, now: datetime
) -> str:
    """Return the id of a try: the same for the same question at the same time."""
    return sha256(f"{incident_id}|{evidence_hash}|{model}|{prompt_version}|{question}|{now}".encode()).hexdigest()[:16]


def save(warehouse: Warehouse, tries: Sequence[Investigated]) -> None:
    """Write tries; the same call twice changes nothing. A project that has not built the table yet keeps none."""
    with suppress(NotBuiltError):
        warehouse.replace(TABLE, ["investigation_id"], [_row(t) for t in tries])


def last_tries(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """Return the newest try by incident, without its steps and without questions of people; none where there is no table yet."""
    return {r["incident_id"]: r for r in _rows(warehouse, "question = ''", [])}


def used_since(warehouse: Warehouse, since: datetime) -> tuple[int, float]:
    """Return the tokens and the money that were used since a time (UTC, without a zone)."""
    rows = _rows(warehouse, "created_at >= ?", [since])
    return sum(int(r["request_tokens"] + r["answer_tokens"]) for r in rows), sum(float(r["cost"] or 0) for r in rows)


def latest(warehouse: Warehouse, incident_id: str) -> Investigated | None:
    """Return the newest try at an incident with its steps, None when there is none."""
    try:
        rows = warehouse.query(
            f"select * from {warehouse.table(TABLE)} where incident_id = ? order by created_at desc, investigation_id",
            [incident_id],
        )
    except NotBuiltError:
        return None
    return _investigated(rows[0]) if rows else None


def verdicts_of(warehouse: Warehouse, explanation_ids: Sequence[str]) -> dict[str, str]:
    """Return the verdicts of explanations, by their ids; those that no model answered for have none."""
    if not explanation_ids:
        return {}
    marks = ", ".join("?" for _ in explanation_ids)
    rows = _rows(
        warehouse,
        f"outcome in ('answered', 'budget') and question = '' and explanation_id in ({marks})",
        list(explanation_ids),
    )
    return {r["explanation_id"]: r["verdict"] for r in rows}


def _rows(warehouse: Warehouse, where: str, params: list[object]) -> list[dict[str, Any]]:
    columns = (
        "incident_id, explanation_id, created_at, model, prompt_version, evidence_hash, outcome, is_passing, verdict,"
        " request_tokens, answer_tokens, cost"
    )
    try:
        return warehouse.query(
            f"select {columns} from {warehouse.table(TABLE)} where {where} order by created_at, investigation_id",
            params,
        )
    except NotBuiltError:
        return []


def _row(t: Investigated) -> dict[str, object]:
    naive = t.created_at.astimezone(UTC).replace(tzinfo=None) if t.created_at.tzinfo else t.created_at
    return {
        "investigation_id": t.investigation_id, "incident_id": t.incident_id, "explanation_id": t.explanation_id,
        "snapshot_date": t.snapshot_date, "created_at": naive, "model": t.model, "prompt_version": t.prompt_version,
        "evidence_hash": t.evidence_hash, "question": t.question, "outcome": t.outcome, "reason": t.reason,
        "is_passing": t.is_passing, "verdict": t.verdict, "steps": t.usage.steps, "request_tokens": t.usage.request_tokens,
        "answer_tokens": t.usage.answer_tokens, "cost": t.usage.cost, "seconds": t.usage.seconds, "transcript": steps_json(t.steps),
    }  # fmt: skip


def _investigated(r: Mapping[str, Any]) -> Investigated:
    usage = Usage(
        int(r["steps"]),
        int(r["request_tokens"]),
        int(r["answer_tokens"]),
        float(r["cost"] or 0),
        float(r["seconds"] or 0),
    )
    return Investigated(
        r["investigation_id"], r["incident_id"], r["explanation_id"] or "", r["snapshot_date"], r["created_at"], r["model"],
        r["prompt_version"], r["evidence_hash"], r["question"] or "", r["outcome"], r["reason"] or "", bool(r["is_passing"]),
        r["verdict"] or "", usage, read_steps(r["transcript"]),
    )  # fmt: skip
