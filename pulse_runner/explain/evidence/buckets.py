"""Evidence about buckets: which ones moved, or where a change of the size is concentrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulse_runner.explain.case import Case
from pulse_runner.explain.evidence.collector import Collector, told_parts, words
from pulse_runner.explain.explanation import Scalar
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.scrub import scrub
from pulse_runner.vocabulary import percent

MAX_BUCKETS = 6
TOLD = "told"
MIN_SHIFT = 0.01  # of the members, from which on a bucket's share is worth telling
MIN_CONCENTRATION = 1.5  # a bucket's part of a change, over its part of the members


@dataclass(frozen=True)
class Buckets:
    """Compare the distributions with the last good date."""

    kinds: tuple[str, ...] = ("bucket",)

    def gather(self, c: Collector) -> None:
        """Add the buckets that moved, those below k members left out."""
        case = c.case
        if case.before is None:
            return
        sql = bucket_rows(c)
        every = _told(c.rows(sql, "distributions"), case.k)
        rows = [r for r in every if max(r["members"], r["before_members"]) >= case.k]
        moved = sorted(_moved(case, rows), key=lambda m: (-m[0], m[1]["attribute"], m[1]["bucket"]))
        for weight, row in moved[:MAX_BUCKETS]:
            told = {n: row[TOLD].get(n, v) for n, v in row.items() if n != TOLD and not _gives_away(n, row)}
            c.add(
                "bucket", _text(case, row), told, list(told), sql, source="pulse_segment_distributions", weight=weight
            )


def bucket_rows(c: Collector) -> str:
    """Return SQL for the buckets of the segment on the last date and on the last good one before the change."""
    case = c.case
    assert case.before is not None
    attribute = f" and attribute = {literal(case.attribute)}" if case.measure.is_distribution else ""
    mine = f"segment_id = {literal(case.segment_id)}{attribute}"
    return sql_text(f"""
        select attribute, bucket,
          sum(case when snapshot_date = {literal(case.last)} then members else 0 end) as members,
          sum(case when snapshot_date = {literal(case.last)} then share else 0 end) as share,
          sum(case when snapshot_date = {literal(case.before)} then members else 0 end) as before_members,
          sum(case when snapshot_date = {literal(case.before)} then share else 0 end) as before_share
        from {c.table("pulse_segment_distributions")}
        where {mine} and snapshot_date in ({literal(case.before)}, {literal(case.last)})
        group by attribute, bucket
        order by attribute, bucket
    """)


def _moved(case: Case, rows: list[dict[str, Any]]) -> list[tuple[float, dict[str, Any]]]:
    """Return the buckets that are worth telling with their weights, by the kind of incident."""
    if case.measure.is_distribution:
        shifts = [(abs(float(r["share"]) - float(r["before_share"])), r) for r in rows]
        return [(0.5 + 0.45 * shift, r) for shift, r in shifts if shift >= MIN_SHIFT]
    out = []
    for row in rows:
        peers = [r for r in rows if r["attribute"] == row["attribute"]]
        change = sum(r["members"] - r["before_members"] for r in peers)
        part = (row["members"] - row["before_members"]) / change if change else 0.0
        part = min(part, 1.0)
        before = max(float(row["before_share"]), float(row["share"]) if change > 0 else 0.0)
        if part >= 0.3 and before and part / before >= MIN_CONCENTRATION and abs(change) >= 10 * case.k:
            out.append((0.4 + 0.4 * part, row))
    return out


def _told(rows: list[dict[str, Any]], k: int) -> list[dict[str, Any]]:
    """Return the buckets with how many members of each may be told: the size of a segment is known, so its rest is too."""
    for row in rows:
        row[TOLD] = {}
    for attribute in dict.fromkeys(r["attribute"] for r in rows):
        here = [r for r in rows if r["attribute"] == attribute]
        for name in ("members", "before_members"):
            for row, told in zip(here, told_parts([r[name] for r in here], k), strict=True):
                row[TOLD][name] = told
                if isinstance(told, str) and told.startswith(">"):
                    share = name.replace("members", "share")
                    row[TOLD][share] = f">{int(float(told[1:]) * float(row[share]) / row[name] * 100) / 100:g}"
    return rows


def _gives_away(name: str, row: dict[str, Any]) -> bool:
    """Say whether a share would tell how many members are in a bucket where their number is not told."""
    return name.endswith("share") and str(row[TOLD][name.replace("share", "members")]).startswith("<")


def _text(case: Case, row: dict[str, Any]) -> str:
    name = "'" + scrub(row["bucket"], 60).replace("'", "’") + "'"
    return (
        f"Bucket {name} of {row['attribute']} holds {_held(row[TOLD]['members'], row['share'])} on"
        f" {case.last}, {_held(row[TOLD]['before_members'], row['before_share'])} on {case.before}."
    )


def _held(members: Scalar, share: float) -> str:
    """Say how many members are in a bucket; where their number is not told, the share is left out too."""
    if isinstance(members, str):
        return f"{words(members)} members"
    return f"{percent(share)} of the members ({words(members)})"
