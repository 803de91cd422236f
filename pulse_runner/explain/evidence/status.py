"""Evidence from the snapshot itself: it is broken, stale or cannot be made."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text


@dataclass(frozen=True)
class Status:
    """Say that the day has no usable snapshot of the segment, and why."""

    kinds: tuple[str, ...] = ("status",)

    def gather(self, c: Collector) -> None:
        """Add the status of the last date where it is not ok."""
        case = c.case
        sql = sql_text(f"""
            select snapshot_date, status, status_reason
            from {c.table("pulse_segment_snapshots")}
            where segment_id = {literal(case.segment_id)} and snapshot_date = {literal(case.last)} and status <> 'ok'
        """)
        for row in c.rows(sql, "status of the snapshot"):
            reason = f": {row['status_reason']}" if row["status_reason"] else ""
            text = f"The snapshot of {case.segment_id} on {row['snapshot_date']} is {row['status']}{reason}."
            c.add("status", text, row, list(row), sql, source="pulse_segment_snapshots", weight=1.0)
