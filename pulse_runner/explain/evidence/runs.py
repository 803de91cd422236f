"""Evidence about Pulse's own runs: a snapshot run that failed."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.vocabulary import plural


@dataclass(frozen=True)
class Runs:
    """Count the failed snapshot runs over the dates of the change."""

    kinds: tuple[str, ...] = ("run",)

    def gather(self, c: Collector) -> None:
        """Add the number of failed runs where there is one."""
        case = c.case
        sql = sql_text(f"""
            select count(*) as failed_runs
            from {c.table("pulse_runs")}
            where stage = 'snapshot' and outcome = 'failed'
              and from_date <= {literal(case.last)} and to_date >= {literal(case.first)}
        """)
        for row in c.rows(sql, "runs of the runner"):
            if row["failed_runs"]:
                text = f"{plural(row['failed_runs'], 'failed snapshot run')} of {case.last} recorded."
                c.add("run", text, row, list(row), sql, source="pulse_runs", weight=0.4)
