"""Incidents in the warehouse: read them as rows, write a change with its event in one transaction."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, replace
from datetime import date, datetime
from typing import Any

from pulse_runner.errors import UsageError
from pulse_runner.incidents.history import History
from pulse_runner.incidents.incident import Incident, IncidentEvent, Related, Transition, name_of
from pulse_runner.vocabulary import ACTIVE_SQL, SEVERITIES
from pulse_runner.warehouse.base import Warehouse

LIST_COLUMNS = (
    "incident", "status", "severity", "segment_id", "detector", "started_on", "last_seen_on", "effect", "title",
    "incident_id",
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
    """Return the incident that has this number (`INC-42`), or whose id starts so; raise UsageError when none or several do."""
    text = incident.strip()
    numbered = re.fullmatch(r"(?i)inc-(\d{1,9})", text)
    if not numbered and not text.isalnum():
        raise UsageError(f"{incident!r} is not an incident.", "`pulse incidents list` shows them.")
    where, value = ("number = ?", int(numbered[1])) if numbered else ("incident_id like ?", f"{text.lower()}%")
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_incidents')} where {where} order by incident_id", [value]
    )
    if not rows:
        raise UsageError(f"There is no incident {incident!r}.", "`pulse incidents list --status all` shows them.")
    if len(rows) > 1:
        some = ", ".join(r["incident_id"] for r in rows[:5])
        raise UsageError(f"{incident!r} fits {len(rows)} incidents: {some}.", "Write more of the id.")
    return incident_of(rows[0])


def find_incidents(warehouse: Warehouse, named: Sequence[str], *, group: bool = False) -> list[Incident]:
    """Return the incidents that are named, each once; with `group` also those that have the same cause."""
    found = {i.incident_id: i for i in (find_incident(warehouse, name) for name in named)}
    if group:
        keys = list(dict.fromkeys(i.group_key for i in found.values()))
        marks = ", ".join("?" for _ in keys)
        rows = warehouse.query(
            f"select * from {warehouse.table('pulse_incidents')} where group_key in ({marks})"
            " order by started_on, incident_id",
            keys,
        )
        found |= {i.incident_id: found.get(i.incident_id, i) for i in map(incident_of, rows)}
    return list(found.values())


def names_of(warehouse: Warehouse) -> dict[str, str]:
    """Return what people call each incident (`INC-42`), by its id."""
    rows = warehouse.query(f"select incident_id, number from {warehouse.table('pulse_incidents')}")
    return {r["incident_id"]: name_of(r["incident_id"], r["number"]) for r in rows}


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


def read_events(warehouse: Warehouse) -> list[IncidentEvent]:
    """Return every event of every incident."""
    return [event_of(r) for r in warehouse.query(f"select * from {warehouse.table('pulse_incident_events')}")]


def read_history(warehouse: Warehouse) -> History:
    """Return every stored incident with its events."""
    return History(read_incidents(warehouse), read_events(warehouse))


def save(warehouse: Warehouse, changes: Sequence[Transition]) -> None:
    """Write changed incidents and the events that changed them, all or nothing; the same call twice changes nothing.

    An incident gets its number with its first row, and keeps it.
    """
    latest = {c.incident.incident_id: c.incident for c in changes}
    with warehouse.transaction():
        numbers = _numbers(warehouse, latest)
        rows = [incident_row(replace(i, number=numbers[i.incident_id])) for i in latest.values()]
        warehouse.replace("pulse_incidents", ["incident_id"], rows)
        warehouse.replace("pulse_incident_events", ["event_id"], [event_row(c.event) for c in changes])


def regroup(warehouse: Warehouse, incidents: Sequence[Incident], groups: Mapping[str, str]) -> None:
    """Write which incidents have one cause (`groups`: group_key by id), where it is another than before."""
    moved = [replace(i, group_key=groups[i.incident_id]) for i in incidents if groups[i.incident_id] != i.group_key]
    if moved:
        with warehouse.transaction():
            warehouse.replace("pulse_incidents", ["incident_id"], [incident_row(i) for i in moved])


def _numbers(warehouse: Warehouse, incidents: Mapping[str, Incident]) -> dict[str, int]:
    """Return the number of each incident: the one that it has, else the next free ones.

    Rows of an earlier version have none; they get theirs here too, the oldest first. Two runs at once take turns.
    """
    warehouse.turn("incident numbers")
    table = warehouse.table("pulse_incidents")
    rows = warehouse.query(f"select incident_id, number from {table}")
    known = {r["incident_id"]: int(r["number"]) for r in rows if r["number"] is not None}
    old = {r["incident_id"] for r in rows} - set(known)
    free = itertools.count(max(known.values(), default=0) + 1)
    if old:
        unnumbered = warehouse.query(f"select * from {table} where number is null order by detected_on, incident_id")
        numbered = [replace(incident_of(r), number=next(free)) for r in unnumbered]
        warehouse.replace("pulse_incidents", ["incident_id"], [incident_row(i) for i in numbered])
        known |= {i.incident_id: i.number for i in numbered if i.number is not None}
    fresh = sorted(
        (i for i in incidents.values() if i.incident_id not in known), key=lambda i: (i.detected_on, i.incident_id)
    )
    return known | {i.incident_id: next(free) for i in fresh}


def incident_of(row: Mapping[str, Any]) -> Incident:
    """Return a row of `pulse_incidents` as an Incident: the one place where its JSON is read."""
    # columns that an earlier version had not are null until the next build adds them
    values: dict[str, Any] = {
        f.name: row[f.name] if f.default is MISSING else row.get(f.name) for f in fields(Incident)
    }
    values["severity_parts"] = values["severity_parts"] or ""
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


def list_row(incident: Incident) -> dict[str, object]:
    """Return an incident as a list shows it: its row, and what people call it."""
    return {"incident": incident.name, **incident_row(incident)}


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
