"""Read snapshots for people: the latest of every segment, or the days of one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import date
from typing import Any

from pulse_runner import metrics
from pulse_runner.compile.preview import latest_sql
from pulse_runner.compile.sql import readable
from pulse_runner.compile.tally import Tally
from pulse_runner.errors import NotBuiltError, UsageError
from pulse_runner.segments.model import Entity, Segment
from pulse_runner.segments.text import definition_hash
from pulse_runner.warehouse.base import Warehouse

LIST_COLUMNS = (
    "segment_id", "snapshot_date", "size", "entered", "exited", "conversion_rate", "inactive_rate", "status",
)  # fmt: skip
SHOW_COLUMNS = ("snapshot_date", *metrics.snapshot_columns(), "status", "status_reason")


def latest_snapshots(warehouse: Warehouse, first: date = date.min, last: date = date.max) -> list[dict[str, Any]]:
    """Return each segment's latest snapshot from `first` to `last`, by name."""
    table = warehouse.table("pulse_segment_snapshots")
    return warehouse.query(
        f"select s.* from {table} as s join (select segment_id, max(snapshot_date) as day from {table}"
        " where snapshot_date between ? and ? group by 1) as l"
        " on s.segment_id = l.segment_id and s.snapshot_date = l.day order by s.segment_id",
        [first, last],
    )


def snapshots_of(warehouse: Warehouse, days: Sequence[date]) -> list[dict[str, Any]]:
    """Return one snapshot per segment of the given days, by name: the latest good one, else the latest."""
    marks = ", ".join("?" for _ in days)
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_segment_snapshots')} where snapshot_date in ({marks})", list(days)
    )
    best: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda r: (r["status"] == "ok", r["snapshot_date"])):
        best[row["segment_id"]] = row
    return [row for _, row in sorted(best.items())]


def segment_history(warehouse: Warehouse, segment: str, first: date, last: date) -> list[dict[str, Any]]:
    """Return the snapshots of one segment by date; raise UsageError when it has none at all."""
    table = warehouse.table("pulse_segment_snapshots")
    rows = warehouse.query(
        f"select * from {table} where segment_id = ? and snapshot_date between ? and ? order by snapshot_date",
        [segment, first, last],
    )
    if not rows and not warehouse.query(f"select 1 as found from {table} where segment_id = ? limit 1", [segment]):
        known = [r["segment_id"] for r in warehouse.query(f"select distinct segment_id from {table} order by 1")]
        names = f"Segments with snapshots: {', '.join(known)}." if known else "`pulse run` makes the first ones."
        raise UsageError(f"There are no snapshots of segment {segment!r}.", names)
    return rows


def shown_day(
    warehouse: Warehouse, entity: Entity, relation: str, asked: date | None, today: date, present: date
) -> date:
    """Return the date that a look at a relation shows: the one asked for or the latest before it, where there is history.

    Raises UsageError for a date that the relation does not know, and where it has no rows.
    """
    if entity.history.kind == "none" and asked not in (None, present):
        raise UsageError(f"{entity.name} has no history: it shows {present} only. Leave --date out.")
    until = present if entity.history.kind == "none" else asked or today
    read = readable(relation, entity, warehouse.dialect)
    day: date | None = warehouse.query(latest_sql(entity, read), [until])[0]["day"]
    if day is None:
        raise UsageError(f"{entity.name} has no rows up to {until}.")
    return day


def counted(warehouse: Warehouse, tally: Tally) -> dict[date, dict[Hashable, int]]:
    """Return what a tally counted, by day; `everybody` is all keys. A day without rows is not in it."""
    days: dict[date, dict[Hashable, int]] = {}
    for statement in tally.statements():
        for row in warehouse.query(statement.sql):
            day = days.setdefault(row["pulse_day"], {"everybody": row["everybody"]})
            day.update({name: row[column] for column, name in statement.names.items()})
    return days


def disagreement(warehouse: Warehouse, segment: Segment, entity: Entity, day: date, members: int) -> str:
    """Say why the stored snapshot of a date has another size than a preview of it, '' when they agree or there is none."""
    table = warehouse.table("pulse_segment_snapshots")
    try:
        rows = warehouse.query(f"select * from {table} where segment_id = ? and snapshot_date = ?", [segment.name, day])
    except NotBuiltError:  # nothing was built yet
        return ""
    if not rows or rows[0]["size"] == members:
        return ""
    row = rows[0]
    if row["size"] is None:
        return f"The snapshot of {day} has no size; it is {row['status']}: {row['status_reason']}."
    told = f"The snapshot of {day} has {row['size']:,}"
    if row["definition_hash"] != definition_hash(segment, entity):
        return f"{told}: it was made with another rule. Run `pulse compile` and `pulse snapshot --date {day}`."
    return f"{told}: the table has changed since it was made. `pulse snapshot --date {day}` makes it again."


def last_day(warehouse: Warehouse, segment: str) -> date | None:
    """Return the date of a segment's latest snapshot, None when it has none."""
    table = warehouse.table("pulse_segment_snapshots")
    rows = warehouse.query(f"select max(snapshot_date) as day from {table} where segment_id = ?", [segment])
    day: date | None = rows[0]["day"]
    return day


def size_series(warehouse: Warehouse, first: date, last: date) -> dict[str, list[int | None]]:
    """Return the sizes of every segment over the days from `first` to `last`; None where there is no snapshot."""
    days = (last - first).days + 1
    series: dict[str, list[int | None]] = {}
    for row in warehouse.query(
        f"select segment_id, snapshot_date, size from {warehouse.table('pulse_segment_snapshots')}"
        " where snapshot_date between ? and ?",
        [first, last],
    ):
        series.setdefault(row["segment_id"], [None] * days)[(row["snapshot_date"] - first).days] = row["size"]
    return dict(sorted(series.items()))
