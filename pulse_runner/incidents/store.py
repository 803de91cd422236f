"""Incidents in the warehouse: read them as rows, write a change with its event in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pulse_runner.errors import UsageError
from pulse_runner.warehouse.base import Warehouse

ACTIVE = ("open", "acknowledged")
LIST_COLUMNS = (
    "incident_id", "status", "severity", "segment_id", "detector", "started_on", "last_seen_on", "effect", "title",
)  # fmt: skip
_BY_SEVERITY = "case i.severity when 'critical' then 0 when 'high' then 1 when 'medium' then 2 else 3 end"


def list_incidents(
    warehouse: Warehouse, *, statuses: Sequence[str] = (), segment: str | None = None, since: date | None = None
) -> list[dict[str, Any]]:
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
    return warehouse.query(
        f"select i.* from {warehouse.table('incidents')} as i where {' and '.join(where)}"
        f" order by case when i.status in ('open', 'acknowledged') then 0 else 1 end, {_BY_SEVERITY},"
        " i.started_on desc, i.segment_id, i.incident_id",
        params,
    )


def find_incident(warehouse: Warehouse, incident: str) -> dict[str, Any]:
    """Return the incident whose id starts with `incident`; raise UsageError when none or several do."""
    if not incident.isalnum():
        raise UsageError(f"{incident!r} is not an incident id; `pulse incidents list` shows them.")
    rows = warehouse.query(
        f"select * from {warehouse.table('incidents')} where incident_id like ? order by incident_id", [f"{incident}%"]
    )
    if not rows:
        raise UsageError(f"No incident {incident!r}; `pulse incidents list` shows them.")
    if len(rows) > 1:
        raise UsageError(f"{incident!r} fits {len(rows)} incidents: {', '.join(r['incident_id'] for r in rows[:5])}.")
    return rows[0]


def events_of(warehouse: Warehouse, incident_id: str) -> list[dict[str, Any]]:
    """Return the events of an incident, oldest first."""
    return warehouse.query(
        f"select * from {warehouse.table('incident_events')} where incident_id = ?"
        " order by snapshot_date, occurred_at, event_id",
        [incident_id],
    )


def save(
    warehouse: Warehouse, incidents: Sequence[Mapping[str, object]], events: Sequence[Mapping[str, object]]
) -> None:
    """Write changed incidents and the events that changed them, all or nothing; the same call twice changes nothing."""
    with warehouse.transaction():
        warehouse.replace("incidents", ["incident_id"], incidents)
        warehouse.replace("incident_events", ["event_id"], events)
