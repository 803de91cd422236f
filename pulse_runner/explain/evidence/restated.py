"""Evidence about events that were changed after the fact: the day before has another size now than it was told with."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector, people
from pulse_runner.explain.sql import literal, sql_text

LEAST = 0.01  # of the size, that a restatement has to move to be a cause


@dataclass(frozen=True)
class Restated:
    """Compare the size that a date has now, as the day before the change, with the size that its own snapshot told."""

    kinds: tuple[str, ...] = ("restated",)

    def gather(self, c: Collector) -> None:
        """Add the first date of the change whose day before was restated."""
        case, name = c.case, c.table("pulse_segment_snapshots")
        sql = sql_text(f"""
            select d.snapshot_date, d.previous_date, d.size, d.previous_size, b.size as told_size
            from {name} as d
            join {name} as b on b.segment_id = d.segment_id and b.snapshot_date = d.previous_date
            where d.segment_id = {literal(case.segment_id)} and d.status = 'ok' and b.status = 'ok'
              and d.snapshot_date between {literal(case.first)} and {literal(case.last)}
              and d.previous_size <> b.size
            order by d.snapshot_date
        """)
        for row in c.rows(sql, "sizes that were told before")[:1]:
            # a few late events are said, so that all counts add up, and are no cause
            apart, large = abs(row["previous_size"] - row["told_size"]), max(row["previous_size"], row["told_size"])
            matters = apart >= max(c.case.k, LEAST * large)
            text = (
                f"{case.segment_id} was told with {people(row['told_size'], case.k)} members on"
                f" {row['previous_date']}; with what the warehouse"
                f" knows of that day now there were {people(row['previous_size'], case.k)}. What came and left on"
                f" {row['snapshot_date']} is counted"
                f" from these {people(row['previous_size'], case.k)} to {people(row['size'], case.k)}."
            )
            c.add(
                "restated", text, row, list(row), sql, source="pulse_segment_snapshots", weight=0.96 if matters else 0.3
            )
