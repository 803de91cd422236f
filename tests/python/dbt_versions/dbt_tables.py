"""What a build left in a DuckDB file, and whether two builds left the same."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

Table = tuple[list[tuple[str, str]], list[tuple[Any, ...]]]  # columns with their types; rows in order
BY_THE_CLOCK = ("pulse_runs",)  # run ids and seconds are another each time
TOLERANCE = 1e-9
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def relations(path: Path) -> set[str]:
    """Return the names of all tables and views."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        return {name for (name,) in connection.execute("select table_name from information_schema.tables").fetchall()}


def read_tables(path: Path, *, times: bool = True) -> dict[str, Table]:
    """Return Pulse's tables and the segments' views by name; without `times`, without the moments at which they were written."""
    import duckdb

    read = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        named = connection.execute(
            "select table_name from information_schema.tables where table_name like 'pulse%' or table_name like 'seg%'"
        ).fetchall()
        for (name,) in sorted(named):
            if name in BY_THE_CLOCK:
                continue
            columns = [(c[0], c[1]) for c in connection.execute(f"describe {name}").fetchall()]
            kept = [c for c in columns if times or not c[1].startswith("TIMESTAMP")]
            listed = ", ".join(f'"{c}"' for c, _ in kept)
            rows = connection.execute(f"select {listed} from {name} order by all").fetchall()
            read[name] = (kept, rows if times else [tuple(_timeless(v) for v in row) for row in rows])
    return read


def differences(reference: dict[str, Table], other: dict[str, Table]) -> list[str]:
    """Say in what two builds differ, a line per table; nothing when they are equal, floats within 1e-9."""
    said = [f"{name} is on one side only" for name in sorted(set(reference) ^ set(other))]
    for name in sorted(set(reference) & set(other)):
        columns, rows = reference[name]
        its_columns, its_rows = other[name]
        if columns != its_columns:
            said.append(f"{name} has the columns {sorted(set(its_columns) ^ set(columns))} on one side only")
        elif len(rows) != len(its_rows):
            said.append(f"{name} has {len(its_rows)} rows, not {len(rows)}")
        else:
            wrong = [_where(columns, a, b) for a, b in zip(rows, its_rows, strict=True) if not _same(a, b)]
            if wrong:
                said.append(f"{name} differs in {len(wrong)} rows, such as {wrong[0]}")
    return said


def _timeless(value: Any) -> Any:
    return MOMENT.sub("(a moment)", value) if isinstance(value, str) else value


def _same(row: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(_equal(a, b) for a, b in zip(row, other, strict=True))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(a == b)


def _where(columns: list[tuple[str, str]], row: tuple[Any, ...], other: tuple[Any, ...]) -> str:
    """Name the first column that differs, with both values, shortened."""
    column, a, b = next((c, a, b) for (c, _), a, b in zip(columns, row, other, strict=True) if not _equal(a, b))
    return f"{column}: {str(b)[:100]!r}, not {str(a)[:100]!r}"
