"""Incidents in the warehouse: read them as rows, write a change with its event in one transaction."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from pulse_runner.errors import UsageError
from pulse_runner.incidents.history import History
from pulse_runner.incidents.incident import Incident, IncidentEvent, Related, Transition
from pulse_runner.vocabulary import ACTIVE_SQL, SEVERITIES
from pulse_runner.warehouse.base import Warehouse

LIST_COLUMNS = (
    "incident_id", "status", "severity", "segment_id", "detector", "started_on", "last_seen_on", "effect", "title",
)  # fmt: skip
_WORST_FIRST = " ".join(f"when '{s}' then {n}" for n, s in enumerate(reversed(SEVERITIES)))
_BY_SEVERITY = f"case i.severity {_WORST_FIRST} else {len(SEVERITIES)} end"


def list_incidents(
    warehouse: Warehouse, *, statuses: Sequence[str] = (), segment: str | None = None, since: date | None = None
) -> list[Incident]:
    """Return incidents, the active ones first, then by severity and start; every filter that is given must hold."""
    where, params = ["1 = 1"], list[object]()
    if statuses:
        where.append(f"i.status in ({', '.join('?' for _ in statuses)})")
        params += statuses
    if segment:
        where.append("i.segment_id = ?")
        params.append(segment)
    if since:
        where.append("i.last_seen_on >= ?")
        params.append(since)
    rows = warehouse.query(
        f"select i.* from {warehouse.table('pulse_incidents')} as i where {' and '.join(where)}"
        f" order by case when i.status in ({ACTIVE_SQL}) then 0 else 1 end, {_BY_SEVERITY},"
        " i.started_on desc, i.segment_id, i.incident_id",
        params,
    )
    return [incident_of(row) for row in rows]


def find_incident(warehouse: Warehouse, incident: str) -> Incident:
    """Return the incident whose id starts with `incident`; raise UsageError when none or several do."""
    if not incident.isalnum():
        raise UsageError(f"{incident!r} is not an incident id.", "`pulse incidents list` shows them.")
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_incidents')} where incident_id like ? order by incident_id",
        [f"{incident}%"],
    )
    if not rows:
        raise UsageError(f"There is no incident {incident!r}.", "`pulse incidents list --status all` shows them.")
    if len(rows) > 1:
        some = ", ".join(r["incident_id"] for r in rows[:5])
        raise UsageError(f"{incident!r} fits {len(rows)} incidents: {some}.", "Write more of the id.")
    return incident_of(rows[0])


def events_of(warehouse: Warehouse, incident_id: str) -> list[IncidentEvent]:
    """Return the events of an incident, oldest first."""
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_incident_events')} where incident_id = ?"
        " order by snapshot_date, occurred_at, event_id",
        [incident_id],
    )
    return [event_of(row) for row in rows]


def read_incidents(warehouse: Warehouse) -> list[Incident]:
    """Return every stored incident."""
    names = ", ".join(f.name for f in fields(Incident))
    return [incident_of(r) for r in warehouse.query(f"select {names} from {warehouse.table('pulse_incidents')}")]


def read_history(warehouse: Warehouse) -> History:
    """Return every stored incident with its events."""
    events = warehouse.query(f"select * from {warehouse.table('pulse_incident_events')}")
    return History(read_incidents(warehouse), map(event_of, events))


def save(warehouse: Warehouse, changes: Sequence[Transition]) -> None:
    """Write changed incidents and the events that changed them, all or nothing; the same call twice changes nothing."""
    latest = {c.incident.incident_id: incident_row(c.incident) for c in changes}
    with warehouse.transaction():
        warehouse.replace("pulse_incidents", ["incident_id"], list(latest.values()))
        warehouse.replace("pulse_incident_events", ["event_id"], [event_row(c.event) for c in changes])


def incident_of(row: Mapping[str, Any]) -> Incident:
    """Return a row of `pulse_incidents` as an Incident: the one place where its JSON is read."""
    values = {f.name: row[f.name] for f in fields(Incident)}
    listed = json.loads(row["related"] or "[]")
    values["related"] = tuple(Related(**{**r, "key": tuple(r["key"])}) for r in listed)
    return Incident(**values)


def event_of(row: Mapping[str, Any]) -> IncidentEvent:
    """Return a row of `pulse_incident_events` as an event."""
    return IncidentEvent(**{f.name: row[f.name] for f in fields(IncidentEvent)})


def incident_row(incident: Incident) -> dict[str, object]:
    """Return an Incident as its row of `pulse_incidents`."""
    related = [asdict(r) for r in incident.related]
    return _plain(incident) | {"related": json.dumps(related, sort_keys=True)}


def event_row(event: IncidentEvent) -> dict[str, object]:
    """Return an event as its row of `pulse_incident_events`."""
    return _plain(event)


def _plain(item: Incident | IncidentEvent) -> dict[str, object]:
    """Return the fields as the warehouse keeps them: times without a zone, no number that is not finite."""
    out: dict[str, object] = {f.name: getattr(item, f.name) for f in fields(item)}
    for name, value in out.items():
        if isinstance(value, datetime):
            out[name] = value.replace(tzinfo=None)
        elif isinstance(value, float) and not math.isfinite(value):
            out[name] = None
    return out
