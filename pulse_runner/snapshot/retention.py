"""How long rows are kept: the var `pulse_keep_days`, and the deletion of what is older. Without the var, everything is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pulse_runner.errors import UsageError, did_you_mean
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.project import project_vars

VAR = "pulse_keep_days"
FACTS = "facts"
# a date that is judged reads up to 400 days before its half-year: detect/panels.py
READ_BY_DETECTORS = 600
SHORTEST = 50  # pulse_compare_days goes back 40
# every table with a row per date, the column of the date, and the fewest days that leave what others read in place
KEPT: Mapping[str, tuple[str, int]] = {
    FACTS: ("snapshot_date", SHORTEST),
    "pulse_segment_snapshots": ("snapshot_date", READ_BY_DETECTORS),
    "pulse_segment_reach": ("snapshot_date", READ_BY_DETECTORS),
    "pulse_reach_ladder": ("snapshot_date", READ_BY_DETECTORS),
    "pulse_segment_distributions": ("snapshot_date", READ_BY_DETECTORS),
    "pulse_segment_changes": ("snapshot_date", SHORTEST),
    "pulse_segment_flows": ("snapshot_date", SHORTEST),
    "pulse_column_profiles": ("snapshot_date", SHORTEST),
    "pulse_entity_health": ("snapshot_date", READ_BY_DETECTORS),
    "pulse_findings": ("snapshot_date", READ_BY_DETECTORS),
    "pulse_runs": ("to_date", SHORTEST),
}


@dataclass(frozen=True)
class Old:
    """The rows of a table that are older than they are kept: those before the day `before`."""

    table: str
    column: str
    before: date
    rows: int


def kept_days(root: Path) -> dict[str, int]:
    """Return the days that each table is kept, as the var says; raise UsageError where it cannot mean that."""
    given = project_vars(root).get(VAR) or {}
    if not isinstance(given, Mapping):
        raise UsageError(
            f"dbt_project.yml: the var {VAR} is not a mapping.", "Write tables and days: {pulse_segment_flows: 400}."
        )
    for table, days in given.items():
        if table not in KEPT:
            near = did_you_mean(str(table), KEPT) or "."
            raise UsageError(
                f"dbt_project.yml: the var {VAR} names {str(table)!r}, which is no table that is kept by days{near}",
                f"There are {', '.join(KEPT)}.",
            )
        fewest = KEPT[table][1]
        if not isinstance(days, int) or isinstance(days, bool) or days < fewest:
            raise UsageError(
                f"dbt_project.yml: the var {VAR} keeps {table} for {str(days)!r} days; the fewest are {fewest}.",
                "Detectors and repairs of late dates read so far back.",
            )
    return dict(given)


def old_rows(warehouse: Warehouse, keep: Mapping[str, int], entities: Sequence[str]) -> list[Old]:
    """Return what is older than it is kept, table by table, counted back from the latest snapshot.

    Not from today: a clock that is wrong by a year must not empty a table.
    """
    latest = warehouse.query(f"select max(snapshot_date) as day from {warehouse.table('pulse_segment_snapshots')}")
    day = latest[0]["day"]
    found = []
    for name, days in keep.items() if day is not None else ():
        before = day - timedelta(days=days)
        for table in _tables(name, entities):
            column = KEPT[name][0]
            counted = f"select count(*) as rows from {warehouse.table(table)} where {column} < cast(? as date)"
            found.append(Old(table, column, before, int(warehouse.query(counted, [before])[0]["rows"])))
    return found


def delete_old(warehouse: Warehouse, old: Sequence[Old]) -> None:
    """Delete the rows, all or none; raise WarehouseError for a table that Pulse did not make."""
    wanted = [o for o in old if o.rows]
    warehouse.require_own(*(o.table for o in wanted))
    warehouse.change(
        [f"delete from {warehouse.table(o.table)} where {o.column} < cast('{o.before}' as date)" for o in wanted]
    )


def _tables(name: str, entities: Sequence[str]) -> list[str]:
    return (
        [f"pulse_{entity}__{kind}" for entity in entities for kind in ("facts", "health")] if name == FACTS else [name]
    )
