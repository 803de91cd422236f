"""The gate: a model's verdict may hold back a message about a false alarm, or lower it. Off by default.

Never about a fault that was measured, never about a critical incident, never about an end, and never silently: the
delivery is stored as skipped with the reason. A verdict counts only when it is one of the latest explanation; where the
model is late or down there is none, and the message goes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pulse_runner.alert.decision import Decision
from pulse_runner.explain.agent.settings import Gate
from pulse_runner.explain.agent.store import verdicts_of
from pulse_runner.explain.causes import MEASURED_FAULTS
from pulse_runner.explain.store import StoredExplanation, latest_explanations
from pulse_runner.incidents.incident import Incident
from pulse_runner.vocabulary import SEVERITIES, severity_rank
from pulse_runner.warehouse.base import Warehouse

HELD = "held back by PULSE_MODEL_GATE"


def gated(
    warehouse: Warehouse, decisions: Sequence[Decision], incidents: Sequence[Incident], gate: Gate
) -> list[Decision]:
    """Return the decisions after the gate; without it, they are as they were and nothing is read."""
    due = {d.incident_id for d in decisions if d.choice == "send"}
    if gate == "off" or not due:
        return list(decisions)
    told = latest_explanations(warehouse, sorted(due))
    verdicts = verdicts_of(warehouse, [e.explanation_id for e in told.values()])
    about = {i.incident_id: i for i in incidents}
    return [judged(d, about[d.incident_id], told.get(d.incident_id), verdicts, gate) for d in decisions]


def judged(
    decision: Decision, incident: Incident, told: StoredExplanation | None, verdicts: Mapping[str, str], gate: Gate
) -> Decision:
    """Return what the gate makes of one decision."""
    if (
        decision.choice != "send"
        or decision.notification == "resolved"
        or told is None
        or incident.severity == "critical"
    ):
        return decision
    if verdicts.get(told.explanation_id) != "false_alarm" or is_fault_measured(told):
        return decision
    why = f"the verdict of {told.explanation.model or 'the model'} is false alarm; `pulse explain {incident.name} --transcript` shows why"
    if gate == "hold":
        return replace(decision, choice="skip", reason=f"{HELD}: {why}")
    lower = SEVERITIES[max(severity_rank(incident.severity) - 1, 0)]
    if severity_rank(lower) < severity_rank(decision.address.min_severity):
        return replace(decision, choice="skip", reason=f"{HELD}: taken for {lower}, because {why}")
    return decision


def is_fault_measured(told: StoredExplanation) -> bool:
    """Say whether a hypothesis of the rules rests on a fault that was measured."""
    kinds = {e.id: e.kind for e in told.evidence}
    return any(
        h.cause != "model" and h.confidence != "low" and any(kinds.get(i) in MEASURED_FAULTS for i in h.evidence)
        for h in told.explanation.hypotheses
    )
