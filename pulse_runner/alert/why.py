"""Why an incident is told or not: the decision at each target, with its reason and what went there before. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pulse_runner.alert import outbox, topics
from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.delivery import Delivery, deliveries_of
from pulse_runner.alert.dispatch import not_ready
from pulse_runner.alert.outbox import Address, Decision
from pulse_runner.incidents.incident import Incident
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

WORDS = {"send": "would be told", "skip": "withheld", "quiet": "not told"}


@dataclass(frozen=True)
class Why:
    """What would become of an incident at one address (None: it has none), why, and the last delivery there."""

    address: Address | None
    decision: str
    reason: str
    before: str = ""


def why(
    warehouse: Warehouse, project: Project, incident: Incident, day: date, env: Mapping[str, str], repeat_days: int
) -> list[Why]:
    """Return the decision of `day` for each target that the incident could go to."""
    if incident.detected_on > day:
        return [Why(None, WORDS["quiet"], f"it was found on {incident.detected_on}, after {day}")]
    judged = topics.incidents_to_judge(warehouse, day)
    known = {i.incident_id for i in judged}
    # the others count too: the end of a cause is told when all of it is over
    incidents = judged if incident.incident_id in known else [*judged, incident]
    past = deliveries_of(warehouse, [i.incident_id for i in incidents])
    worse = topics.worsenings(warehouse, day)
    decisions, nowhere = outbox.plan(incidents, worse, past, project, day, repeat_days=repeat_days)
    own = past.get(incident.incident_id, [])
    told = [_at(d, own, env) for d in decisions if d.incident_id == incident.incident_id]
    return told + [
        Why(None, WORDS["quiet"], reason) for identity, reason in nowhere if identity == incident.incident_id
    ]


def _at(decision: Decision, own: Sequence[Delivery], env: Mapping[str, str]) -> Why:
    channel = CHANNELS[decision.address.channel]
    setup = channel.setup(decision.address.settings, env)
    reason = f"{decision.notification}: {decision.reason}" if decision.choice != "quiet" else decision.reason
    word = WORDS[decision.choice]
    if decision.choice == "send" and not setup.is_ready:
        word, reason = "on the screen", f"{reason}; but {not_ready(channel.name, setup)}"
    there = [d for d in own if d.address == decision.address.key]
    last = (
        f"{there[-1].notification} {there[-1].status} on {there[-1].snapshot_date}: {there[-1].reason}" if there else ""
    )
    return Why(decision.address, word, reason, last)
