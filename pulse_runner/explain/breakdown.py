"""Evidence that the tables do not keep: conversion by bucket, counted in the entity's own relation.

Pulse stores converted members per segment only. For an entity with rows per date one GROUP BY over the dates around the change
tells which bucket stopped converting, over all keys of the entity. Only counts come back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pulse_runner.explain.collect import Collector, literal, sql_text
from pulse_runner.explain.model import count, members, scrub
from pulse_runner.segments.model import Attribute

MAX_BUCKETS = 3
MIN_EXPECTED = 5.0
MAX_REST_CHANGE = 0.5  # the other buckets must have kept at least half of their events


def gather(c: Collector) -> None:
    """Collect the buckets in which events of the conversion stopped while the other buckets went on."""
    entity = c.case.definition
    if entity is None or not entity.conversion_event_at or not c.case.metric.startswith("conver"):
        return
    if entity.history.kind != "as_of" or c.case.relation.startswith("{{") or not c.case.relation:
        return
    lost = [r for a in entity.attributes if not a.bins for r in _silent(c, a)]
    lost.sort(key=lambda r: (r["events"] / r["usual_events"], -r["usual_events"], r["attribute"], r["bucket"]))
    for row in lost[:MAX_BUCKETS]:
        text = (
            f"Over all of {entity.name}, the bucket '{scrub(row['bucket'], 60)}' of {row['attribute']} has"
            f" {members(row['events'], c.case.k)} keys with {entity.conversion_event_at} on {c.case.last},"
            f" {count(row['usual_events'])} on the same weekdays before; all others have {count(row['rest_events'])},"
            f" {count(row['usual_rest_events'])} before."
        )
        columns = [n for n in row if n != "sql"]
        c.add("conversion_bucket", text, row, columns, row["sql"], source="relation", weight=0.93, people=("events",))


def _silent(c: Collector, attribute: Attribute) -> list[dict[str, Any]]:
    """Return the buckets of one attribute whose events fell far more than those of the rest, each with the SQL that says so."""
    case, entity = c.case, c.case.definition
    assert entity is not None
    as_of, at = entity.history.as_of, entity.conversion_event_at
    weeks = [case.last - timedelta(days=7 * n) for n in range(1, 5) if case.last - timedelta(days=7 * n) < case.first]
    if not weeks:
        return []
    days = ", ".join(literal(d) for d in (case.last, *weeks))
    today = f"cast({as_of} as date) = {literal(case.last)}"
    sql = sql_text(f"""
        select t.bucket, {literal(attribute.name)} as attribute, t.events, t.usual_events,
          sum(t.events) over () - t.events as rest_events, sum(t.usual_events) over () - t.usual_events as usual_rest_events
        from (
          select coalesce(cast({attribute.field} as varchar(200)), '(null)') as bucket,
            sum(case when {today} then 1 else 0 end) as events,
            1.0 * sum(case when {today} then 0 else 1 end) / {len(weeks)} as usual_events
          from {case.relation}
          where cast({as_of} as date) in ({days}) and cast({at} as date) = cast({as_of} as date)
          group by 1
        ) as t
        order by t.usual_events desc, t.bucket
    """)
    out = []
    for row in c.rows(sql, f"conversion by {attribute.name}"):
        usual, rest, usual_rest = float(row["usual_events"]), float(row["rest_events"]), float(row["usual_rest_events"])
        if usual < MIN_EXPECTED or row["events"] > 0.5 * usual or usual_rest < MIN_EXPECTED:
            continue
        if rest >= MAX_REST_CHANGE * usual_rest and row["events"] / usual < 0.6 * rest / usual_rest:
            out.append({**row, "sql": sql})
    return out
