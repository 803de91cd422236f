"""definition: the rule of a segment, and the versions that it had."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, fact
from pulse_runner.explain.sql import literal, sql_text

MOST = 8


class Given(Arguments):
    """The segment whose rule is asked for."""

    segment: str


@dataclass(frozen=True)
class DefinitionTool:
    """Tell the versions of a rule, the newest first."""

    name: str = "definition"
    description: str = "The rule of a segment with its versions: since when each holds."
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per version."""
        segment = desk.segment(given.segment)
        sql = sql_text(f"""
            select segment_id, version, valid_from, valid_to, rule_text
            from {desk.table("pulse_segments")}
            where segment_id = {literal(segment.name)} and valid_from <= {literal(desk.today)}
            order by version desc
        """)
        rows = desk.warehouse.query(sql)[:MOST]
        return Result(
            tuple(
                fact(
                    self.name,
                    f"Version {r['version']} of {segment.name} holds since {r['valid_from']}: `{r['rule_text']}`.",
                    r, sql, "pulse_segments",
                )
                for r in rows
            )
        )  # fmt: skip
