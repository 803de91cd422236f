"""Evidence about other segments: where the leavers are now, where the newcomers were before."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.case import SIZES
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.vocabulary import count

MAX_FLOWS = 2


@dataclass(frozen=True)
class Flows:
    """Follow the members who moved to the segments they went to or came from."""

    kinds: tuple[str, ...] = ("flow",)

    def gather(self, c: Collector) -> None:
        """Add the largest flows in the direction of the change, for counts of members only."""
        case = c.case
        if case.metric not in SIZES or case.before is None:
            return
        lost = case.direction != "up"
        here, there = ("from_segment", "to_segment") if lost else ("to_segment", "from_segment")
        sql = sql_text(f"""
            select {there}, sum(members) as members
            from {c.table("pulse_segment_flows")}
            where {here} = {literal(case.segment_id)} and {there} not in ({literal(case.segment_id)}, '(any)')
              and snapshot_date between {literal(case.first)} and {literal(case.last)}
            group by {there}
            having sum(members) >= {max(case.k, 1)}
            order by members desc, {there}
        """)
        for row in c.rows(sql, "flows between segments")[:MAX_FLOWS]:
            other = "in no segment" if row[there] == "(none)" else f"in {row[there]}"
            who = f"who left are {other} now" if lost else f"who came were {other} before"
            text = f"{count(row['members'])} members {who}."
            c.add("flow", text, row, list(row), sql, source="pulse_segment_flows", weight=0.35)
