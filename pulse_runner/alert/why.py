"""Why an incident is told or not: the decision at each target, with its reason and what went there before. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pulse_runner.alert import outbox, topics
from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.decision import Decision
from pulse_runner.alert.delivery import Delivery, deliveries_of
from pulse_runner.alert.dispatch import not_ready
from pulse_runner.alert.routing import Address, refusals
from pulse_runner.alert.situation import read_situation
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
    route: str = ""  # of a route that does not take it


def why(
    warehouse: Warehouse, project: Project, incident: Incident, day: date, env: Mapping[str, str], repeat_days: int,
    now: datetime,
) -> list[Why]:  # fmt: skip
    """Return the decision of `day` for each target that the incident could go to, and why no other route takes it."""
    if incident.detected_on > day:
        return [Why(None, WORDS["quiet"], f"it was found on {incident.detected_on}, after {day}")]
    judged = topics.incidents_to_judge(warehouse, day)
    known = {i.incident_id for i in judged}
    # the others count too: the end of a cause is told when all of it is over
    incidents = judged if incident.incident_id in known else [*judged, incident]
    past = deliveries_of(warehouse, [i.incident_id for i in incidents])
    news = topics.news_of(warehouse, day)
    situation = read_situation(warehouse, project, [i.incident_id for i in incidents], now)
    decisions, nowhere = outbox.plan(incidents, news, past, project, day, repeat_days=repeat_days, situation=situation)
    own = past.get(incident.incident_id, [])
    told = [_at(d, own, env) for d in decisions if d.incident_id == incident.incident_id]
    told += [Why(None, WORDS["quiet"], reason) for identity, reason in nowhere if identity == incident.incident_id]
    spoken = {w.address.route for w in told if w.address}
    refused = refusals(project, incident, situation.cause(incident.incident_id))
    return told + [Why(None, "not taken", why, route=name) for name, why in refused.items() if name not in spoken]


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
