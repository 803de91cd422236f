"""column_health: nulls, distinct values, mean and type of a column, day by day; of the relation its rows and duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, ToolRefused, fact
from pulse_runner.explain.evidence.collector import hidden
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.metrics import ROWS
from pulse_runner.vocabulary import count, percent

MOST_DAYS = 60


class Given(Arguments):
    """An entity, one of its columns or `(rows)`, and how many days up to today."""

    entity: str
    column: str
    days: int


@dataclass(frozen=True)
class ColumnHealth:
    """Tell what is known of a column day by day: never a value of it."""

    name: str = "column_health"
    description: str = (
        "Null share, distinct values, mean and type of a column of an entity, day by day; column '(rows)' tells rows, duplicate keys "
        "and keys that are null. days: 1 to 60."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per day."""
        entity = desk.entity(given.entity)
        if not 1 <= given.days <= MOST_DAYS:
            raise ToolRefused(f"days must be 1 to {MOST_DAYS}")
        first = desk.today - timedelta(days=given.days - 1)
        sql = sql_text(f"""
            select entity, column_name, snapshot_date, data_type, rows, nulls, null_share, distinct_count, mean_value, duplicate_keys,
              null_keys, status
            from {desk.table("pulse_entity_health")}
            where entity = {literal(entity.name)} and column_name = {literal(given.column)}
              and snapshot_date between {literal(first)} and {literal(desk.today)}
            order by snapshot_date
        """)
        rows = desk.warehouse.query(sql)
        if not rows:
            known = ", ".join(sorted(n for n, f in entity.fields.items() if f.days_since is None))
            return Result(note=f"Nothing is known of that column of {entity.name}; it has {known} and {ROWS}.")
        return Result(tuple(self._day(r, given.column, sql, desk.k) for r in rows))

    def _day(self, row: dict[str, Any], column: str, sql: str, k: int) -> Any:
        day = row["snapshot_date"]
        if column == ROWS:
            values = {
                n: row[n]
                for n in ("entity", "column_name", "snapshot_date", "rows", "duplicate_keys", "null_keys", "status")
            }
            text = (
                f"{row['entity']} on {day}: {_words(row['rows'])} rows, {_words(row['duplicate_keys'])} duplicate keys,"
                f" {_words(row['null_keys'])} without a key."
            )
            return fact(self.name, text, values, sql, "pulse_entity_health")
        values = {
            n: row[n]
            for n in ("entity", "column_name", "snapshot_date", "data_type", "null_share", "distinct_count", "status")
        }
        few = isinstance(hidden(row["nulls"], k), str)
        values["null_share"] = f"fewer than {k} rows" if few else row["null_share"]
        nulls = (
            values["null_share"] if few else percent(row["null_share"], 1) if row["null_share"] is not None else "no"
        )
        text = f"{column} on {day}: {nulls} nulls, {_words(row['distinct_count'])} distinct values"
        if row["mean_value"] is not None:
            values["mean_value"] = float(f"{float(row['mean_value']):.4g}")
            text += f", mean {values['mean_value']:g}"
        return fact(self.name, f"{text}.", values, sql, "pulse_entity_health")


def _words(value: Any) -> str:
    return "unknown" if value is None else count(float(value))
