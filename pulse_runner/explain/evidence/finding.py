"""Evidence from the detector: what it saw and what it expected."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.case import Case
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.vocabulary import count, percent


@dataclass(frozen=True)
class Finding:
    """Repeat the finding that opened the incident: observed, expected, bounds."""

    kinds: tuple[str, ...] = ("finding",)

    def gather(self, c: Collector) -> None:
        """Add the detector's finding of the last date."""
        case = c.case
        sql = sql_text(f"""
            select snapshot_date, observed, expected, lower_bound, upper_bound, effect
            from {c.table("pulse_findings")}
            where segment_id = {literal(case.segment_id)} and snapshot_date = {literal(case.last)}
              and detector = {literal(case.detector)} and metric = {literal(case.metric)}
              and attribute = {literal(case.attribute)} and verdict = 'finding'
        """)
        name, value = _name(case), percent if case.measure.is_rate else count
        for row in c.rows(sql, "the detector's finding"):
            if row["observed"] is None or row["expected"] is None:
                continue
            bounds = ""
            if row["lower_bound"] is not None and row["upper_bound"] is not None:
                bounds = f" ({value(row['lower_bound'])} to {value(row['upper_bound'])})"
            text = (
                f"{name} of {case.segment_id} on {row['snapshot_date']} is {value(row['observed'])};"
                f" {value(row['expected'])} expected{bounds}."
            )
            c.add("finding", text, row, list(row), sql, source="pulse_findings", weight=0.98)


def _name(case: Case) -> str:
    """Name what the finding's numbers measure, as a sentence begins with it."""
    if case.measure.is_distribution:
        return f"The distance of {case.attribute} from its baseline"
    return case.measure.label
