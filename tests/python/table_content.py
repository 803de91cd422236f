"""What Pulse's tables hold, to compare two warehouses or two moments of one."""

from __future__ import annotations

import json
from typing import Any

from pulse_runner.warehouse.base import Warehouse

SNAPSHOTS = (
    "pulse_segments", "pulse_segment_snapshots", "pulse_segment_reach", "pulse_segment_distributions",
    "pulse_segment_changes", "pulse_segment_flows", "pulse_entity_health", "pulse_column_profiles",
    "pulse_reach_ladder",
)  # fmt: skip
JUDGED = ("pulse_findings", "pulse_incidents", "pulse_incident_events")
TOLD = ("pulse_incident_explanations", "pulse_alert_deliveries")
TIMES = {"created_at", "updated_at", "occurred_at", "planned_at", "sent_at"}
ITS_OWN = {"data_type", "run_id"}  # of a warehouse: the name of a type, and which build it was

Rows = dict[str, list[dict[str, Any]]]


def content(warehouse: Warehouse, tables: tuple[str, ...], leave_out: set[str] = TIMES) -> Rows:
    """Return the rows of tables without the columns that hold times, in an order of their own."""
    found = {}
    for table in tables:
        rows = warehouse.query(f"select * from {warehouse.table(table)}")
        kept = [{c: v for c, v in row.items() if c not in leave_out} for row in rows]
        found[table] = sorted(kept, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return found


def same(one: Rows, other: Rows) -> None:
    for table, rows in one.items():
        assert len(other[table]) == len(rows), table
        for a, b in zip(rows, other[table], strict=True):
            assert a == b, f"{table}: {[(c, a[c], b[c]) for c in a if a[c] != b[c]]} in {a}"


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Leave a number the digits that do not depend on the order of a sum."""
    return {
        c: float(f"{v:.9g}") if isinstance(v, int | float) and not isinstance(v, bool) else v for c, v in row.items()
    }
