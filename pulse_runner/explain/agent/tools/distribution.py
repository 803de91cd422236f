"""distribution: the members of a segment by an attribute, on two days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, ToolRefused, fact
from pulse_runner.explain.evidence.collector import told_parts, words
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.scrub import scrub

MOST = 12


class Given(Arguments):
    """A segment, an attribute of its entity, and the two days to compare."""

    segment: str
    attribute: str
    day: str
    before: str


@dataclass(frozen=True)
class Distribution:
    """Tell how many members each bucket has then and now, those that changed most first."""

    name: str = "distribution"
    description: str = (
        "The members of a segment by an attribute on two days (day, before: YYYY-MM-DD), what changed most first."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per bucket."""
        entity = desk.entity(desk.segment(given.segment).entity)
        names = [a.name for a in entity.attributes]
        if given.attribute not in names:
            raise ToolRefused(
                f"{entity.name} has no attribute {given.attribute[:60]!r}; it has {', '.join(names) or 'none'}"
            )
        day, before = desk.day(given.day), desk.day(given.before)
        sql = sql_text(f"""
            select attribute, bucket,
              sum(case when snapshot_date = {literal(day)} then members else 0 end) as members,
              sum(case when snapshot_date = {literal(before)} then members else 0 end) as before_members
            from {desk.table("pulse_segment_distributions")}
            where segment_id = {literal(given.segment)} and attribute = {literal(given.attribute)}
              and snapshot_date in ({literal(before)}, {literal(day)})
            group by attribute, bucket
            order by bucket
        """)
        rows = desk.warehouse.query(sql)
        now = told_parts([int(r["members"]) for r in rows], desk.k)
        then = told_parts([int(r["before_members"]) for r in rows], desk.k)
        told: list[dict[str, Any]] = [
            {**r, "members": a, "before_members": b, "by": abs(r["members"] - r["before_members"])}
            for r, a, b in zip(rows, now, then, strict=True)
            if max(r["members"], r["before_members"]) >= desk.k
        ]
        told.sort(key=lambda r: (-r["by"], r["bucket"]))
        return Result(
            tuple(
                fact(
                    self.name,
                    f"Bucket '{scrub(r['bucket'], 60)}' of {given.attribute} holds {words(r['members'])} members of {given.segment} on"
                    f" {day}, {words(r['before_members'])} on {before}.",
                    {"segment_id": given.segment, **{n: v for n, v in r.items() if n != "by"}},
                    sql, "pulse_segment_distributions",
                )
                for r in told[:MOST]
            ),
            "" if told else "There is no bucket with enough members on either day.",
        )  # fmt: skip
