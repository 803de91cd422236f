"""What a person must say before an entity can be written, and what the table says by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pulse_runner.adopt.facts import Table, count_keys
from pulse_runner.adopt.propose import Answers, answered_history, date_columns, history_columns, key_candidates
from pulse_runner.errors import UsageError
from pulse_runner.warehouse.base import Warehouse

# (question, possible answers with the likeliest first, flag): the answer, or UsageError that names the flag
Ask = Callable[[str, Sequence[str], str], str]


def decide_key(table: Table, answers: Answers, ask: Ask) -> str:
    """Return the column that identifies a row: as answered, else as asked."""
    if answers.key is not None:
        return table.column(answers.key).name
    likely = key_candidates(table)
    known = [c.name for c in table.columns if c.type in ("text", "number")]
    return table.column(ask(f"Which column identifies a row of {table.name}?", likely or known, "--key")).name


def decide_history(
    warehouse: Warehouse, table: Table, key: str, answers: Answers, ask: Ask
) -> tuple[tuple[str, ...], list[str]]:
    """Return the columns that say how the table keeps its past, and what to tell about them.

    A key that is not unique is looked into: a date column that makes it so is what tells the days apart.
    """
    if answers.history is not None:
        columns = answered_history(table, answers.history)
        return columns, _told(warehouse, table, key, columns)
    columns = history_columns(table) or ()
    if columns:
        how = "a dbt snapshot" if table.is_snapshot else "one row per version"
        return columns, [f"{table.name} is {how}: {columns[0]} and {columns[1]} say when a row was true."]
    rows, keys = count_keys(warehouse, table, [key])
    if rows == keys:
        return (), _told(warehouse, table, key, ())
    found = [c for c in date_columns(table) if table.column(c).type == "date" and _is_unique(warehouse, table, key, c)]
    what = f"{key} is not unique in {table.name}: {rows:,} rows of {keys:,} keys."
    if not found:
        raise UsageError(
            f"{what} No date column makes it so.",
            "Take another --key, or say --history none: then one row of each key counts.",
        )
    answer = ask(f"{what} Which column is the date of a row?", [*found, "none"], "--history")
    columns = answered_history(table, answer)
    return columns, _told(warehouse, table, key, columns)


def _is_unique(warehouse: Warehouse, table: Table, key: str, column: str) -> bool:
    rows, keys = count_keys(warehouse, table, [key, column])
    return rows == keys


def _told(warehouse: Warehouse, table: Table, key: str, columns: tuple[str, ...]) -> list[str]:
    """Say what the answer means, and how many keys stand twice all the same."""
    if len(columns) == 2:
        return [f"{columns[0]} and {columns[1]} of {table.name} say when a row was true."]
    rows, keys = count_keys(warehouse, table, [key, *columns])
    copies = rows - keys
    if columns:
        told = [f"{table.name} has one row per {key} and {columns[0]}: past days can be snapshotted."]
        twice = f"{copies:,} rows share {key} and {columns[0]} with another"
    else:
        told = [f"{table.name} knows today only: its first day is the day of the first run."]
        twice = f"{copies:,} rows share {key} with another"
    return [*told, *([f"{twice}; of those, one row counts, and the rest is told as duplicates."] if copies else [])]
