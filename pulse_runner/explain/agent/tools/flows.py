"""flows: where the members of a segment went, and where they came from, on one day."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, fact, floored
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.vocabulary import count


class Given(Arguments):
    """A segment and a day."""

    segment: str
    day: str


@dataclass(frozen=True)
class FlowsTool:
    """Tell the flows of a day between a segment and the others, in steps of k."""

    name: str = "flows"
    description: str = (
        "Where members of a segment went on a day (YYYY-MM-DD) and where they came from; counts are rounded down."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per other segment."""
        segment, day = desk.segment(given.segment), desk.day(given.day)
        sql = sql_text(f"""
            select from_segment, to_segment, members
            from {desk.table("pulse_segment_flows")}
            where snapshot_date = {literal(day)} and members >= {max(desk.k, 1)} and from_segment <> to_segment
              and (from_segment = {literal(segment.name)} or to_segment = {literal(segment.name)})
            order by members desc, from_segment, to_segment
        """)
        rows = [{**r, "members": floored(r["members"], desk.k)} for r in desk.warehouse.query(sql)]
        return Result(
            tuple(
                fact(
                    self.name, f"At least {count(r['members'])} members of {r['from_segment']} are in {r['to_segment']} on {day}.",
                    r, sql, "pulse_segment_flows",
                )
                for r in rows
            ),
            "" if rows else f"No flow of {desk.k} people or more on {day}.",
        )  # fmt: skip
