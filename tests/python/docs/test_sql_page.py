"""Every query of docs/sql.md runs as it stands, on each warehouse, on the demo shop."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plain_dbt import Built

PAGE = Path(__file__).parents[3] / "docs" / "sql.md"
QUERIES = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_a_query_of_the_page_runs(built: Built, number: int) -> None:
    warehouse = built.open()
    try:
        rows = warehouse.query(QUERIES[number])
    finally:
        warehouse.close()
    # only what the runner writes is empty after dbt alone, and no day of the demo is missing
    written_by_the_runner = re.search(r"incident|finding|deliver|pulse_runs|status <> 'ok'", QUERIES[number])
    assert rows or written_by_the_runner


def test_the_parts_of_a_change_add_up_on_the_page(built: Built) -> None:
    why = next(q for q in QUERIES if "changes.cause" in q)
    warehouse = built.open()
    try:
        parts = warehouse.query(why)
        (size,) = warehouse.query(
            "select size - previous_size as change from pulse_segment_snapshots"
            " where segment_id = 'high_value_active_users' and snapshot_date = date '2026-05-30'"
        )
    finally:
        warehouse.close()
    assert sum(p["gained"] - p["lost"] for p in parts) == size["change"] == -591
