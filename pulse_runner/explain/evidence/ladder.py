"""Evidence about the way to the person: at which step of a channel members are lost, and why, against the last good date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.snapshot.ladder import said_reason
from pulse_runner.vocabulary import count, percent

GREW = 0.02  # by how much of those who came to the step a loss must have grown to be told


@dataclass(frozen=True)
class Ladder:
    """Compare the losses at every step with the last good date; those of fewer than k people are not told."""

    kinds: tuple[str, ...] = ("ladder_loss",)

    def gather(self, c: Collector) -> None:
        """Add one fact per loss that grew, the largest first; of the step of the incident it is the weightiest."""
        case, entity = c.case, c.case.definition
        channel, own = case.ladder or (case.channel, "reachable")
        if entity is None or channel not in entity.reach_steps or case.before is None:
            return
        sql = _sql(c, channel, case.before)
        for row in c.rows(sql, f"the ladder of {channel}"):
            if row["members"] < case.k or row["share"] - row["before_share"] < GREW:
                continue
            weight = 0.98 if row["step"] == own else 0.35
            c.add("ladder_loss", _said(row, c), row, list(row), sql, source="pulse_reach_ladder", weight=weight)


def _said(row: dict[str, Any], c: Collector) -> str:
    return (
        f"{percent(row['share'])} of those who came to the step {row['step']} of {row['channel']} were lost there on {c.case.last}"
        f" ({count(row['members'])} members): {said_reason(row['reason'])}; {percent(row['before_share'])} on {c.case.before}."
    )


def _sql(c: Collector, channel: str, before: date) -> str:
    case, name = c.case, c.table("pulse_reach_ladder")
    return sql_text(f"""
        select d.snapshot_date, d.channel, d.step, d.reason, d.members, d.share, coalesce(b.share, 0) as before_share
        from {name} as d
        left join {name} as b
          on b.segment_id = d.segment_id and b.channel = d.channel and b.step = d.step and b.reason = d.reason
          and b.snapshot_date = {literal(before)}
        where d.segment_id = {literal(case.segment_id)} and d.snapshot_date = {literal(case.last)}
          and d.channel = {literal(channel)} and d.reason <> '' and d.share is not null
        order by d.share - coalesce(b.share, 0) desc, d.step, d.reason
    """)
