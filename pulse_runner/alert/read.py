"""What alerts read from the warehouse: incidents, what was told about them, and the words for a message. Aggregates only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pulse_runner.alert.message import HISTORY_DAYS, History, Subject, is_rate
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

Row = dict[str, Any]
CLOSED_DAYS = 30  # the end of an incident is told at most so many days late
# metric -> columns of pulse_segment_snapshots
SNAPSHOT_METRICS = {
    m: m for m in ("size", "entered", "exited", "converted", "conversion_rate", "inactive_rate", "velocity")
}
HEALTH_METRICS = {"rows": "rows", "null_share": "null_share", "duplicate_keys": "duplicate_keys"}


def incidents_to_judge(warehouse: Warehouse, day: date, incident_id: str | None = None) -> list[Row]:
    """Return the active incidents of `day` or earlier, and the closed ones of the last weeks of which somebody was told."""
    told = warehouse.table("pulse_alert_deliveries")
    one = " and i.incident_id = ?" if incident_id else ""
    return warehouse.query(
        f"select i.* from {warehouse.table('pulse_incidents')} as i where i.detected_on <= ?"
        " and (i.status in ('open', 'acknowledged') or ((i.resolved_on is null or i.resolved_on >= ?)"
        f" and exists (select 1 from {told} as d where d.incident_id = i.incident_id))){one}"
        " order by i.started_on, i.incident_id",
        [day, day - timedelta(days=CLOSED_DAYS), *([incident_id] if incident_id else [])],
    )


def worsenings(warehouse: Warehouse, day: date) -> dict[str, list[Row]]:
    """Return the events up to `day` at which an incident became more severe, by incident."""
    rows = warehouse.query(
        f"select incident_id, event, snapshot_date, occurred_at from {warehouse.table('pulse_incident_events')}"
        " where event = 'worsened' and snapshot_date <= ?",
        [day],
    )
    return _by_incident(rows)


def deliveries_of(warehouse: Warehouse, incidents: Sequence[Mapping[str, Any]]) -> dict[str, list[Row]]:
    """Return every delivery of the incidents, by incident."""
    if not incidents:
        return {}
    marks = ", ".join("?" for _ in incidents)
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_alert_deliveries')} where incident_id in ({marks})"
        " order by planned_at, idempotency_key, delivery_id",
        [i["incident_id"] for i in incidents],
    )
    return _by_incident(rows)


def subjects(warehouse: Warehouse, project: Project, incidents: Sequence[Row], day: date) -> dict[str, Subject]:
    """Return what a message says about each incident, by its id."""
    if not incidents:
        return {}
    rules = {
        r["segment_id"]: r["rule_text"]
        for r in warehouse.query(
            f"select segment_id, rule_text from {warehouse.table('pulse_segments')} where valid_to is null"
        )
    }
    marks = ", ".join("?" for _ in incidents)
    told = {
        r["incident_id"]: r
        for r in warehouse.query(
            "select incident_id, version, source, headline, summary, hypotheses, recommendations, evidence"
            f" from {warehouse.table('pulse_incident_explanations')} where incident_id in ({marks}) order by incident_id, version",
            [i["incident_id"] for i in incidents],
        )
    }
    out = {}
    for i in incidents:
        segment, entity = project.segments.get(i["segment_id"]), project.entities.get(i["entity"])
        if i["segment_id"]:
            label = segment.label or segment.name if segment else i["segment_id"]
        else:
            label = entity.label or entity.name if entity else i["entity"]
        out[i["incident_id"]] = Subject(
            incident=i,
            label=label,
            owner=i["owner"] or (segment.owner if segment else ""),
            rule=rules.get(i["segment_id"]) or "",
            explanation=told.get(i["incident_id"]),
            history=history(warehouse, i, day),
        )
    return out


def history(warehouse: Warehouse, incident: Mapping[str, Any], day: date) -> History | None:
    """Return the incident's metric on the last 28 days up to `day`; None when it is not one number a day."""
    first = day - timedelta(days=HISTORY_DAYS - 1)
    found = _series_sql(warehouse, incident)
    if found is None:
        return None
    sql, params, rate = found
    values: list[float | None] = [None] * HISTORY_DAYS
    for row in warehouse.query(f"{sql} and snapshot_date between ? and ?", [*params, first, day]):
        values[(row["snapshot_date"] - first).days] = None if row["value"] is None else float(row["value"])
    while values and values[0] is None:
        values.pop(0)
    return History(tuple(values), day, rate) if values else None


def _series_sql(warehouse: Warehouse, incident: Mapping[str, Any]) -> tuple[str, list[object], bool] | None:
    """Return the SELECT of a metric's days, its parameters and whether it is a rate."""
    metric, segment, entity = str(incident["metric"]), incident["segment_id"], incident["entity"]
    attribute, bucket = incident["attribute"], incident["bucket"]

    def select(column: str, table: str, where: str) -> str:
        return f"select snapshot_date, {column} as value from {warehouse.table(table)} where {where}"

    if segment and attribute:
        if not bucket:
            return None
        where = "segment_id = ? and attribute = ? and bucket = ?"
        return select("share", "pulse_segment_distributions", where), [segment, attribute, bucket], True
    if segment and metric.startswith("reach:"):
        where = "segment_id = ? and channel = ?"
        return select("reach_rate", "pulse_segment_reach", where), [segment, metric.removeprefix("reach:")], True
    if segment:
        column = SNAPSHOT_METRICS.get(metric, "size")  # a broken or stale segment: its size shows when it went
        return select(column, "pulse_segment_snapshots", "segment_id = ?"), [segment], is_rate(column)
    column = HEALTH_METRICS.get(metric, "rows")
    where, params = "entity = ? and column_name = ?", [entity, attribute or "(rows)"]
    return select(column, "pulse_entity_health", where), params, is_rate(column)


def _by_incident(rows: Sequence[Row]) -> dict[str, list[Row]]:
    out: dict[str, list[Row]] = {}
    for row in rows:
        out.setdefault(row["incident_id"], []).append(row)
    return out
