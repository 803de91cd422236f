"""Evidence about channels: a loss in one channel only is another thing than a loss in all."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.vocabulary import count, percent


@dataclass(frozen=True)
class Reach:
    """Compare the reach of every channel with the last good date."""

    kinds: tuple[str, ...] = ("reach",)

    def gather(self, c: Collector) -> None:
        """Add one fact per channel, that of the incident first."""
        case, name = c.case, c.table("pulse_segment_reach")
        if not case.channel or case.before is None:
            return
        sql = sql_text(f"""
            select d.snapshot_date, d.channel, d.reachable, d.reach_rate,
              b.reachable as before_reachable, b.reach_rate as before_rate
            from {name} as d
            join {name} as b
              on b.segment_id = d.segment_id and b.channel = d.channel and b.snapshot_date = {literal(case.before)}
            where d.segment_id = {literal(case.segment_id)} and d.snapshot_date = {literal(case.last)}
              and d.reach_rate is not null and b.reach_rate is not null
            order by d.channel
        """)
        for row in c.rows(sql, "reach by channel"):
            text = (
                f"{percent(row['reach_rate'])} of the members can be reached by {row['channel']} on {case.last}"
                f" ({count(row['reachable'])} members), {percent(row['before_rate'])} on {case.before}."
            )
            own = row["channel"] == case.channel
            c.add("reach", text, row, list(row), sql, source="pulse_segment_reach", weight=0.96 if own else 0.4)
