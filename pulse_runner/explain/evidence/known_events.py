"""Evidence about known events: somebody said before that the day is special."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import listed, literal, sql_text


@dataclass(frozen=True)
class KnownEvents:
    """Find known events that cover the change and the segment, its entity or its owner."""

    kinds: tuple[str, ...] = ("known_event",)

    def gather(self, c: Collector) -> None:
        """Add each known event of the window."""
        case = c.case
        scopes = listed([case.segment_id, case.entity, case.owner])
        sql = sql_text(f"""
            select starts_on, ends_on, scope, scope_value, reason
            from {c.table("pulse_known_events")}
            where starts_on <= {literal(case.last)} and ends_on >= {literal(case.first)}
              and (scope = 'all' or scope_value in ({scopes}))
            order by starts_on, reason
        """)
        for row in c.rows(sql, "known events"):
            text = f"A known event covers {case.last}: {row['reason']} ({row['starts_on']} to {row['ends_on']})."
            c.add("known_event", text, row, list(row), sql, source="pulse_known_events", weight=0.6)
