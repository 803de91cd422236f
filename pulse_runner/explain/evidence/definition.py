"""Evidence about the rule: it was edited in the window of the change."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.case import rules_of
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.segments.columns import referenced


@dataclass(frozen=True)
class Definition:
    """Find versions of the segment's definition that began with the change."""

    kinds: tuple[str, ...] = ("definition", "reference_edited")

    def gather(self, c: Collector) -> None:
        """Add each edit, with the rule after and before it: of the segment, and of those that its rule refers to."""
        case = c.case
        if case.segment_id:
            self._edits(c, case.segment_id)
        for segment in referenced(case.segment.rule, rules_of(c.project)) if case.segment else ():
            self._edits(c, segment)

    def _edits(self, c: Collector, segment: str) -> None:
        case, name = c.case, c.table("pulse_segments")
        own = segment == case.segment_id
        sql = sql_text(f"""
            select n.segment_id, n.version, n.valid_from, n.rule_text, o.rule_text as before_rule_text
            from {name} as n
            join {name} as o on o.segment_id = n.segment_id and o.version = n.version - 1
            where n.segment_id = {literal(segment)} and n.definition_hash <> o.definition_hash
              and n.valid_from between {literal(case.first)} and {literal(case.last)}
            order by n.version
        """)
        for row in c.rows(sql, "edits of the definition"):
            text = (
                f"The definition{'' if own else f' of {segment}, which the rule refers to,'} was edited on"
                f" {row['valid_from']} (version {row['version']}): `{row['rule_text']}`,"
                f" before that `{row['before_rule_text']}`."
            )
            c.add(
                "definition" if own else "reference_edited",
                text,
                row,
                list(row),
                sql,
                source="pulse_segments",
                weight=0.9,
            )
