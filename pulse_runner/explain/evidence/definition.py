"""Evidence about the rule: it was edited in the window of the change."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text


@dataclass(frozen=True)
class Definition:
    """Find versions of the segment's definition that began with the change."""

    kinds: tuple[str, ...] = ("definition",)

    def gather(self, c: Collector) -> None:
        """Add each edit, with the rule after and before it."""
        case, name = c.case, c.table("pulse_segments")
        sql = sql_text(f"""
            select n.version, n.valid_from, n.rule_text, o.rule_text as before_rule_text
            from {name} as n
            join {name} as o on o.segment_id = n.segment_id and o.version = n.version - 1
            where n.segment_id = {literal(case.segment_id)} and n.definition_hash <> o.definition_hash
              and n.valid_from between {literal(case.first)} and {literal(case.last)}
            order by n.version
        """)
        for row in c.rows(sql, "edits of the definition"):
            text = (
                f"The definition was edited on {row['valid_from']} (version {row['version']}): `{row['rule_text']}`,"
                f" before that `{row['before_rule_text']}`."
            )
            c.add("definition", text, row, list(row), sql, source="pulse_segments", weight=0.9)
