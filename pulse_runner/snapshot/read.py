"""Read snapshots for people: the latest of every segment, or the days of one."""

from __future__ import annotations

from datetime import date
from typing import Any

from pulse_runner.errors import UsageError
from pulse_runner.warehouse.base import Warehouse

LIST_COLUMNS = (
    "segment_id", "snapshot_date", "size", "entered", "exited", "conversion_rate", "inactive_rate", "status",
)  # fmt: skip
SHOW_COLUMNS = (
    "snapshot_date", "size", "previous_size", "entered", "exited", "velocity", "eligible", "converted",
    "conversion_rate", "inactive", "inactive_rate", "status", "status_reason",
)  # fmt: skip


def latest_snapshots(warehouse: Warehouse, on: date | None = None) -> list[dict[str, Any]]:
    """Return each segment's snapshot of `on`, or its latest one, by name."""
    table = warehouse.table("pulse_segment_snapshots")
    if on is not None:
        return warehouse.query(f"select * from {table} where snapshot_date = ? order by segment_id", [on])
    return warehouse.query(
        f"select s.* from {table} as s join (select segment_id, max(snapshot_date) as day from {table} group by 1) as l"
        " on s.segment_id = l.segment_id and s.snapshot_date = l.day order by s.segment_id"
    )


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
