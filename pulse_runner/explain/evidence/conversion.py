"""Evidence that the tables do not keep: conversion by bucket, counted in the entity's relation.

Pulse stores converted members per segment only. For an entity with rows per date, one GROUP BY over
the dates around the change tells which bucket stopped converting, over all keys of the entity. Only
counts come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from scipy.special import bdtr

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
CHANCE = 0.01  # that any of the buckets that were looked at would fall so far by counting alone


@dataclass(frozen=True)
class Conversion:
    """Find the buckets in which events of the conversion stopped while the others went on."""

    kinds: tuple[str, ...] = ("conversion_bucket", "activity_bucket")

    def gather(self, c: Collector) -> None:
        """Add the silent buckets, the most silent first, for incidents of conversion."""
        entity = c.case.definition
        if entity is None or not entity.conversion_event_at or c.case.measure.numerator != CONVERTED:
            return
        if entity.history.kind != "as_of" or c.case.relation.startswith("{{"):
            return
        looked = [
            (a, r) for a in entity.attributes if not a.bins and a.values != "hidden" for r in _buckets(c, entity, a)
        ]
        lost = [r for a, r in looked if _is_silent(r, len(looked))]
        lost.sort(key=lambda r: (r["events"] / r["usual_events"], -r["usual_events"], r["attribute"], r["bucket"]))
        for row in lost[:MAX_BUCKETS]:
            text = (
                f"Over all of {entity.name}, the bucket '{scrub(row['bucket'], 60)}' of {row['attribute']} has"
                f" {people(row['events'], c.case.k)} keys with {entity.conversion_event_at} on {c.case.last},"
                f" {count(row['usual_events'])} on the same weekdays before; all others have"
                f" {count(row['rest_events'])}, {count(row['usual_rest_events'])} before."
            )
            columns = [n for n in row if n not in ("sql", "weeks")]
            c.add("conversion_bucket", text, row, columns, row["sql"], source="relation", weight=0.93, hide=("events",))
        for attribute in entity.attributes:
            _alive(c, entity, attribute, [r["bucket"] for r in lost[:MAX_BUCKETS] if r["attribute"] == attribute.name])


def _alive(c: Collector, entity: Entity, attribute: Attribute, buckets: list[str]) -> None:
    """Add whether the people of the silent buckets are seen elsewhere: their last visits are another column than the event."""
    seen = entity.last_seen_at
    weeks = _weeks(c)
    if not buckets or not seen or seen == entity.conversion_event_at or not weeks:
        return
    sql = _sql(c, entity, attribute, weeks, seen, "active")
    for row in c.rows(sql, f"visits by {attribute.name}"):
        if row["bucket"] not in buckets:
            continue
        text = (
            f"Of '{scrub(row['bucket'], 60)}' of {attribute.name}, {people(row['active'], c.case.k)} keys were"
            f" seen on {c.case.last} ({seen}),"
            f" {count(row['usual_active'])} on the same weekdays before."
        )
        columns = ["attribute", "bucket", "active", "usual_active"]
        c.add("activity_bucket", text, row, columns, sql, source="relation", weight=0.9, hide=("active",))


def _weeks(c: Collector) -> list[date]:
    """Return the same weekdays of the four weeks before, those before the change."""
    case = c.case
    return [case.last - timedelta(days=7 * n) for n in range(1, 5) if case.last - timedelta(days=7 * n) < case.first]


def _buckets(c: Collector, entity: Entity, attribute: Attribute) -> list[dict[str, Any]]:
    """Return the buckets that usually have events, each with its SQL and the number of its weeks."""
    weeks = _weeks(c)
    if not weeks:
        return []
    sql = _sql(c, entity, attribute, weeks, str(entity.conversion_event_at), "events")
    rows = c.rows(sql, f"conversion by {attribute.name}")
    return [{**r, "sql": sql, "weeks": len(weeks)} for r in rows if r["usual_events"] >= MIN_EXPECTED]


def _is_silent(row: dict[str, Any], looked: int) -> bool:
    """Say whether a bucket's events fell far more than the rest, and further than counting makes any of `looked` buckets fall."""
    usual, rest, usual_rest = float(row["usual_events"]), float(row["rest_events"]), float(row["usual_rest_events"])
    if row["events"] > MAX_FALL * usual or usual_rest < MIN_EXPECTED or rest < MAX_REST_CHANGE * usual_rest:
        return False
    if row["events"] / usual >= 0.6 * rest / usual_rest:
        return False
    # of all its events, today's have the part that today has of the rest's: a test of two rates, given their sum
    before = round(usual * row["weeks"])
    part = rest / (rest + usual_rest * row["weeks"])
    return float(bdtr(row["events"], row["events"] + before, part)) * max(looked, 1) <= CHANCE


def _sql(c: Collector, entity: Entity, attribute: Attribute, weeks: list[date], at: str, name: str) -> str:
    """Count the keys whose date `at` is that of the day, by bucket; they are called `name`."""
    as_of = entity.history.as_of
    days = ", ".join(literal(d) for d in (c.case.last, *weeks))
    today = f"cast({as_of} as date) = {literal(c.case.last)}"
    return sql_text(f"""
        select t.bucket, {literal(attribute.name)} as attribute, t.{name}, t.usual_{name},
          sum(t.{name}) over () - t.{name} as rest_{name}, sum(t.usual_{name}) over () - t.usual_{name} as usual_rest_{name}
        from (
          select coalesce(cast({attribute.field} as varchar(200)), '(null)') as bucket,
            sum(case when {today} then 1 else 0 end) as {name},
            1.0 * sum(case when {today} then 0 else 1 end) / {len(weeks)} as usual_{name}
          from {readable(c.case.relation, entity, c.case.dialect)} as given
          where cast({as_of} as date) in ({days}) and cast({at} as date) = cast({as_of} as date)
          group by 1
        ) as t
        order by t.usual_{name} desc, t.bucket
    """)
