"""Evidence about who came and left by which cause, against what is usual for as many days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulse_runner.explain.case import Case
from pulse_runner.explain.evidence.collector import Collector, people, told_parts, words
from pulse_runner.explain.movement_words import words_of
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.vocabulary import count

MAX_CAUSES = 6
SIGNS = {"gained": 1.0, "lost": -1.0}


@dataclass(frozen=True)
class Movement:
    """Split the movement of members into its causes; the excess over the usual needs a reason."""

    kinds: tuple[str, ...] = ("cause", "balance")

    def gather(self, c: Collector) -> None:
        """Add the sums, and the causes by how far they exceed the usual."""
        days = c.rows(_days_sql(c), "days with changes")
        if not days or not days[0]["days"]:
            return
        sql = _causes_sql(c, days[0]["days"], days[0]["usual_days"] or 0)
        rows = c.rows(sql, "causes of the change")
        if not rows:
            return
        _balance(c, rows)
        rows = _told(rows, c.case.k)
        excess = [(SIGNS[r["direction"]] * (float(r["moved"]) - float(r["usual_members"])), r) for r in rows]
        excess.sort(key=lambda pair: (-abs(pair[0]), pair[1]["direction"], pair[1]["cause"], pair[1]["detail"]))
        largest = abs(excess[0][0]) or 1.0
        for moved, row in excess[:MAX_CAUSES]:
            if abs(moved) < max(c.case.k, 0.05 * largest):
                continue
            c.add(
                "cause", _text(c.case, row, bool(days[0]["usual_days"])), row, [n for n in row if n != "moved"], sql,
                source="pulse_segment_changes", weight=0.5 + 0.44 * abs(moved) / largest, contribution=moved,
                hide=("of_members",),
            )  # fmt: skip


def _told(rows: list[dict[str, Any]], k: int) -> list[dict[str, Any]]:
    """Return the causes with `members` as it may be told, and the real number as `moved`."""
    out = []
    for direction in SIGNS:
        here = [r for r in rows if r["direction"] == direction]
        told = told_parts([r["members"] for r in here], k)
        out += [{**r, "members": members, "moved": r["members"]} for r, members in zip(here, told, strict=True)]
    return out


def _days_sql(c: Collector) -> str:
    """Count the days of the change, and those before it that `usual` is taken from."""
    case = c.case
    return sql_text(f"""
        select sum(case when snapshot_date >= {literal(case.first)} then 1 else 0 end) as days,
          sum(case when snapshot_date < {literal(case.first)} then 1 else 0 end) as usual_days
        from {c.table("pulse_segment_snapshots")}
        where segment_id = {literal(case.segment_id)} and status = 'ok' and previous_size is not null
          and snapshot_date between {literal(case.usual_from)} and {literal(case.last)}
    """)


def _causes_sql(c: Collector, span: int, usual_days: int) -> str:
    case = c.case
    usual = f"{span}.0 / {usual_days}" if usual_days else "0.0"
    inside = f"snapshot_date >= {literal(case.first)}"
    return sql_text(f"""
        select direction, cause, detail, columns,
          sum(case when {inside} then members else 0 end) as members,
          sum(sum(case when {inside} then members else 0 end)) over (partition by direction) as of_members,
          sum(case when {inside} then 0 else members end) * {usual} as usual_members
        from {c.table("pulse_segment_changes")}
        where segment_id = {literal(case.segment_id)}
          and not is_chosen and snapshot_date between {literal(case.usual_from)} and {literal(case.last)}
        group by direction, cause, detail, columns
        order by direction, members desc, cause, detail
    """)


def _balance(c: Collector, rows: list[dict[str, Any]]) -> None:
    """State the sums that the single causes add up to."""
    case = c.case
    if not any(r["members"] for r in rows):
        return
    sql = sql_text(f"""
        select sum(case when direction = 'gained' then members else 0 end) as gained,
          sum(case when direction = 'lost' then members else 0 end) as lost,
          sum(case when direction = 'gained' then members else -members end) as net
        from {c.table("pulse_segment_changes")}
        where segment_id = {literal(case.segment_id)}
          and not is_chosen and snapshot_date between {literal(case.first)} and {literal(case.last)}
    """)
    for row in c.rows(sql, "sum of the changes"):
        when = f"On {case.first}" if case.first == case.last else f"From {case.first} to {case.last}"
        net = f"{row['net']:+,}" if row["net"] else "0"
        gained, lost = told_parts([row["gained"], row["lost"]], case.k)
        text = f"{when} {case.segment_id} gained {words(gained)} and lost {words(lost)} members, a change of {net}."
        told = {**row, "gained": gained, "lost": lost}
        c.add("balance", text, told, list(row), sql, source="pulse_segment_changes", weight=0.55)


def _text(case: Case, row: Mapping[str, Any], has_usual: bool) -> str:
    lost = row["direction"] == "lost"
    moved = f"{words(row['members'])} of {people(row['of_members'], case.k)} members"
    how = words_of(row["cause"]).sentence(row["detail"] or "", lost)
    usual = f" ({count(float(row['usual_members']))} usual)" if has_usual else ""
    return f"{moved} who {'left' if lost else 'came'} {how}{usual}."
