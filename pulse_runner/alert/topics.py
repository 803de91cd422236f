"""What alerts read from the warehouse: incidents, what was told about them, and the words for a message. Aggregates only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from pulse_runner import metrics
from pulse_runner.alert import delivery
from pulse_runner.alert.compose import Topic
from pulse_runner.alert.message import Trend
from pulse_runner.explain.store import latest_explanations
from pulse_runner.incidents.incident import Incident, IncidentEvent
from pulse_runner.incidents.store import event_of, incident_of
from pulse_runner.segments.model import Project
from pulse_runner.vocabulary import ACTIVE_SQL
from pulse_runner.warehouse.base import Warehouse

NEWS_DAYS = 3  # who took an incident longer ago is no news any more
CLOSED_DAYS = 30  # the end of an incident is told at most so many days late
TREND_DAYS = 28


def incidents_to_judge(warehouse: Warehouse, day: date, incident_id: str | None = None) -> list[Incident]:
    """Return the active incidents of `day` or earlier, and the closed ones of the last weeks of which somebody was told."""
    told = warehouse.table(delivery.TABLE)
    one = " and i.incident_id = ?" if incident_id else ""
    rows = warehouse.query(
        f"select i.* from {warehouse.table('pulse_incidents')} as i where i.detected_on <= ?"
        f" and (i.status in ({ACTIVE_SQL}) or ((i.resolved_on is null or i.resolved_on >= ?)"
        f" and exists (select 1 from {told} as d where d.incident_id = i.incident_id))){one}"
        " order by i.started_on, i.incident_id",
        [day, day - timedelta(days=CLOSED_DAYS), *([incident_id] if incident_id else [])],
    )
    return [incident_of(row) for row in rows]


def news_of(warehouse: Warehouse, day: date) -> dict[str, list[IncidentEvent]]:
    """Return the events up to `day` at which an incident became more severe, and those at which a person took it lately, by incident."""
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_incident_events')}"
        " where (event = 'worsened' and snapshot_date <= ?) or (event = 'acknowledged' and occurred_at >= ?)",
        [day, datetime.combine(day - timedelta(days=NEWS_DAYS), time())],
    )
    out: dict[str, list[IncidentEvent]] = {}
    for row in rows:
        out.setdefault(row["incident_id"], []).append(event_of(row))
    return out


def topics_of(warehouse: Warehouse, project: Project, incidents: Sequence[Incident], day: date) -> dict[str, Topic]:
    """Return what a message says about each incident, by its id."""
    if not incidents:
        return {}
    rules = {
        r["segment_id"]: r["rule_text"]
        for r in warehouse.query(
            f"select segment_id, rule_text from {warehouse.table('pulse_segments')} where valid_to is null"
        )
    }
    told = latest_explanations(warehouse, [i.incident_id for i in incidents])
    out = {}
    for incident in incidents:
        segment, entity = project.segments.get(incident.segment_id), project.entities.get(incident.entity)
        if incident.segment_id:
            label = segment.label or segment.name if segment else incident.segment_id
        else:
            label = entity.label or entity.name if entity else incident.entity
        out[incident.incident_id] = Topic(
            incident=incident,
            label=label,
            owner=incident.owner or (segment.owner if segment else ""),
            rule=rules.get(incident.segment_id) or "",
            explanation=told.get(incident.incident_id),
            trend=trend(warehouse, incident, day),
        )
    return out


def trend(warehouse: Warehouse, incident: Incident, day: date) -> Trend | None:
    """Return the incident's metric on the last 28 days up to `day`; None when it is not one number a day."""
    metric = metrics.find(incident.metric)
    keys = _keys(incident, metric.table)
    if None in keys.values():
        return None
    first = day - timedelta(days=TREND_DAYS - 1)
    where = " and ".join(f"{column} = ?" for column in keys)
    column = metric.column
    if metric.is_distribution:  # a bucket that is not there on a day has nobody in it
        bucket, where = keys.pop("bucket"), where.replace(" and bucket = ?", "")
        column = f"sum(case when bucket = ? then {metric.column} else 0 end)"
        where += " and snapshot_date between ? and ? group by snapshot_date"
        params: list[object] = [bucket, *keys.values(), first, day]
    else:
        where += " and snapshot_date between ? and ?"
        params = [*keys.values(), first, day]
    rows = warehouse.query(
        f"select snapshot_date, {column} as value from {warehouse.table(metric.table)} where {where}", params
    )
    values: list[float | None] = [None] * TREND_DAYS
    for row in rows:
        values[(row["snapshot_date"] - first).days] = None if row["value"] is None else float(row["value"])
    while values and values[0] is None:
        values.pop(0)
    if not values:
        return None
    return Trend(tuple(values), day, metric.is_rate, incident.lower_bound, incident.upper_bound, incident.started_on)


def _keys(incident: Incident, table: metrics.Table) -> dict[str, str | None]:
    """Return which rows of a table tell of the incident's metric; a value None means that no single row a day does."""
    segment: dict[str, str | None] = {"segment_id": incident.segment_id}
    match table:
        case "pulse_segment_distributions":
            return {**segment, "attribute": incident.attribute, "bucket": incident.bucket or None}
        case "pulse_segment_reach":
            return {**segment, "channel": incident.metric.removeprefix(metrics.REACH)}
        case "pulse_reach_ladder":
            channel, step = metrics.ladder_of(incident.metric) or ("", "")
            return {**segment, "channel": channel, "step": step, "reason": ""}
        case "pulse_entity_health":
            return {"entity": incident.entity, "column_name": incident.attribute or metrics.ROWS}
        case "pulse_segment_snapshots":
            return segment
