"""Evidence that the tables do not keep: conversion by bucket, counted in the entity's relation.

Pulse stores converted members per segment only. For an entity with rows per date, one GROUP BY over
the dates around the change tells which bucket stopped converting, over all keys of the entity. Only
counts come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pulse_runner.compile.sql import readable
from pulse_runner.explain.case import CONVERTED
from pulse_runner.explain.evidence.collector import Collector, people
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.scrub import scrub
from pulse_runner.segments.model import Attribute, Entity
from pulse_runner.vocabulary import count

MAX_BUCKETS = 3
MIN_EXPECTED = 5.0
MAX_FALL = 0.5  # a bucket counts as silent from this loss of its events on
MAX_REST_CHANGE = 0.5  # the other buckets must have kept at least half of their events


@dataclass(frozen=True)
class Conversion:
    """Find the buckets in which events of the conversion stopped while the others went on."""

    kinds: tuple[str, ...] = ("conversion_bucket",)

    def gather(self, c: Collector) -> None:
        """Add the silent buckets, the most silent first, for incidents of conversion."""
        entity = c.case.definition
        if entity is None or not entity.conversion_event_at or c.case.measure.numerator != CONVERTED:
            return
        if entity.history.kind != "as_of" or c.case.relation.startswith("{{"):
            return
        lost = [r for a in entity.attributes if not a.bins for r in _silent(c, entity, a)]
        lost.sort(key=lambda r: (r["events"] / r["usual_events"], -r["usual_events"], r["attribute"], r["bucket"]))
        for row in lost[:MAX_BUCKETS]:
            text = (
                f"Over all of {entity.name}, the bucket '{scrub(row['bucket'], 60)}' of {row['attribute']} has"
                f" {people(row['events'], c.case.k)} keys with {entity.conversion_event_at} on {c.case.last},"
                f" {count(row['usual_events'])} on the same weekdays before; all others have"
                f" {count(row['rest_events'])}, {count(row['usual_rest_events'])} before."
            )
            columns = [n for n in row if n != "sql"]
            c.add("conversion_bucket", text, row, columns, row["sql"], source="relation", weight=0.93, hide=("events",))


def _silent(c: Collector, entity: Entity, attribute: Attribute) -> list[dict[str, Any]]:
    """Return the buckets whose events fell far more than the rest, each with its SQL."""
    case = c.case
    weeks = [case.last - timedelta(days=7 * n) for n in range(1, 5) if case.last - timedelta(days=7 * n) < case.first]
    if not weeks:
        return []
    sql = _sql(c, entity, attribute, weeks)
    out = []
    for row in c.rows(sql, f"conversion by {attribute.name}"):
        usual, rest, usual_rest = float(row["usual_events"]), float(row["rest_events"]), float(row["usual_rest_events"])
        if usual < MIN_EXPECTED or row["events"] > MAX_FALL * usual or usual_rest < MIN_EXPECTED:
            continue
        if rest >= MAX_REST_CHANGE * usual_rest and row["events"] / usual < 0.6 * rest / usual_rest:
            out.append({**row, "sql": sql})
    return out


def _sql(c: Collector, entity: Entity, attribute: Attribute, weeks: list[date]) -> str:
    as_of, at = entity.history.as_of, entity.conversion_event_at
    days = ", ".join(literal(d) for d in (c.case.last, *weeks))
    today = f"cast({as_of} as date) = {literal(c.case.last)}"
    return sql_text(f"""
        select t.bucket, {literal(attribute.name)} as attribute, t.events, t.usual_events,
          sum(t.events) over () - t.events as rest_events, sum(t.usual_events) over () - t.usual_events as usual_rest_events
        from (
          select coalesce(cast({attribute.field} as varchar(200)), '(null)') as bucket,
            sum(case when {today} then 1 else 0 end) as events,
            1.0 * sum(case when {today} then 0 else 1 end) / {len(weeks)} as usual_events
          from {readable(c.case.relation, entity, c.case.dialect)} as given
          where cast({as_of} as date) in ({days}) and cast({at} as date) = cast({as_of} as date)
          group by 1
        ) as t
        order by t.usual_events desc, t.bucket
    """)
