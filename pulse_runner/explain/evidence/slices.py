"""Evidence about slices: in which combinations of attributes a change of members, of inactivity or of reach is.

Pulse stores the buckets of one attribute at a time. Combinations are counted in the entity's relation by one statement
with GROUPING SETS over three dates at most: only counts come back, and no group of fewer than k keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import numpy as np

from pulse_runner.compile.spec import bucket_sql
from pulse_runner.compile.tally import Tally
from pulse_runner.errors import PulseError
from pulse_runner.explain.case import rules_of
from pulse_runner.explain.evidence.buckets import bucket_rows
from pulse_runner.explain.evidence.collector import Collector, hidden, words
from pulse_runner.explain.explanation import Scalar
from pulse_runner.explain.slices.search import MAX_DEPTH, Found, Leaves, Slice, find_slices
from pulse_runner.explain.slices.split import Split, split_rate
from pulse_runner.explain.sql import listed, literal, sql_text
from pulse_runner.scrub import scrub
from pulse_runner.segments.columns import rule_columns, source_column
from pulse_runner.segments.model import Attribute, Entity, Segment
from pulse_runner.vocabulary import percent

MAX_ATTRIBUTES = 4
MAX_VALUES = 40  # of one attribute that are kept apart; all others are one
MAX_HIDDEN = 0.2  # of the members that may be in groups too small to tell; else fewer attributes are combined
MOST = 3
OTHER = "(other)"


@dataclass(frozen=True)
class Slices:
    """Find the few slices, up to three attributes deep, that explain most of a change, and what they leave over."""

    kinds: tuple[str, ...] = ("slice", "slice_rest")

    def gather(self, c: Collector) -> None:
        """Add each slice with its members and what was expected, and the rest: together they are the change."""
        case = c.case
        entity, segment = case.definition, case.segment
        if entity is None or segment is None or case.before is None or entity.history.kind == "none":
            return
        is_rate = case.metric == "inactive_rate" or bool(case.channel)
        if not (case.metric == "size" or is_rate) or case.relation.startswith("{{") or not _moved(c):
            return
        question = _question(c, entity, segment)
        counted = question.rows(c) if question else []
        if question is None or not counted:
            return
        leaves = _leaves(question, counted, is_rate)
        if leaves is not None:
            _tell(c, question, counted, leaves, find_slices(leaves, MOST), is_rate)


@dataclass(frozen=True)
class Question:
    """One statement over the members on the last date and on those that it is compared with."""

    attributes: tuple[str, ...]
    days: tuple[date, ...]  # the last one first
    members: str  # SQL with a row per member and day: `pulse_day`, `hit` and a column per attribute
    k: int

    def sql(self) -> str:
        """Return the statement: members and hits by day, for one to three attributes together and for all."""
        sets = [s for n in range(MAX_DEPTH + 1) for s in combinations(self._columns, n)]
        sets += [self._columns[:n] for n in range(MAX_DEPTH + 1, len(self._columns) + 1)]
        listed_sets = ", ".join(f"({', '.join(('pulse_day', *s))})" for s in sets)
        grouped = ", ".join(f"grouping({a}) as g{n}" for n, a in enumerate(self._columns))
        return sql_text(f"""
            select pulse_day, {", ".join(self._columns)}, {grouped}, count(*) as members, sum(hit) as hits
            from ({self.members}) as m
            group by grouping sets ({listed_sets})
            having count(*) >= {self.k}
        """)

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(f"a{n}" for n in range(len(self.attributes)))

    def slice_sql(self, where: Sequence[tuple[str, str]]) -> str:
        """Return SQL that counts one slice on the last date, and on average over the others."""
        test = " and ".join(f"a{self.attributes.index(a)} = {literal(v)}" for a, v in where) or "true"
        last, n = literal(self.days[0]), len(self.days) - 1
        return sql_text(f"""
            select sum(case when pulse_day = {last} then 1 else 0 end) as members,
              1.0 * sum(case when pulse_day = {last} then 0 else 1 end) / {n} as expected_members,
              sum(case when pulse_day = {last} then hit else 0 end) as hits,
              1.0 * sum(case when pulse_day = {last} then 0 else hit end) / {n} as expected_hits
            from ({self.members}) as m
            where {test}
        """)

    def rows(self, c: Collector) -> list[dict[str, Any]]:
        """Return the counts; none where the relation cannot be asked: single attributes are told by their buckets then."""
        try:
            return c.asked(self.sql())
        except PulseError:
            return []


def _moved(c: Collector) -> bool:
    """Say whether there is enough of a change to look for slices in."""
    facts = [e for e in c.found if e.kind in ("change", "rate", "reach")]
    change = next((e.values["change"] for e in facts if e.kind == "change" and "change" in e.values), None)
    if c.case.metric != "size":
        return True
    return isinstance(change, int | float) and abs(change) >= 10 * c.case.k


def _question(c: Collector, entity: Entity, segment: Segment) -> Question | None:
    shown = _shown_values(c)
    attributes = [a for a in entity.attributes if a.name in shown and len(shown[a.name]) > 1][:MAX_ATTRIBUTES]
    if not attributes:
        return None
    days = (c.case.last, *_compared(c))
    try:
        parts = [
            f"select * from ({_members(c, entity, segment, attributes, shown, day)}) as d{n}"
            for n, day in enumerate(days)
        ]
    except PulseError:
        return None
    return Question(tuple(a.name for a in attributes), days, " union all ".join(parts), c.case.k)


def _shown_values(c: Collector) -> dict[str, list[str]]:
    """Return the values of each attribute that are stored, so may be told: those that look like people are not."""
    out: dict[str, list[tuple[int, str]]] = {}
    for row in c.rows(bucket_rows(c), "distributions"):
        if row["bucket"] != OTHER:
            out.setdefault(row["attribute"], []).append((-row["members"] - row["before_members"], row["bucket"]))
    return {attribute: [bucket for _, bucket in sorted(found)[:MAX_VALUES]] for attribute, found in out.items()}


def _compared(c: Collector) -> tuple[date, ...]:
    """Return the dates that the last one is compared with: the same weekday of two weeks before, else the last good one."""
    case = c.case
    assert case.before is not None
    weeks = [case.last - timedelta(days=7 * n) for n in range(1, 6)]
    sql = sql_text(f"""
        select snapshot_date
        from {c.table("pulse_segment_snapshots")}
        where segment_id = {literal(case.segment_id)} and status = 'ok' and snapshot_date < {literal(case.first)}
          and snapshot_date in ({", ".join(literal(w) for w in weeks)})
        order by snapshot_date desc
    """)
    found = [r["snapshot_date"] for r in c.rows(sql, "days to compare with")][:2]
    return tuple(found) or (case.before,)


def _members(
    c: Collector,
    entity: Entity,
    segment: Segment,
    attributes: Sequence[Attribute],
    shown: Mapping[str, Sequence[str]],
    day: date,
) -> str:
    """Return SQL with a row per member of a day."""
    read = [n for n in rule_columns(segment.rule, entity, rules_of(c.project)) if "." not in n]
    order = tuple(dict.fromkeys([*read, *(source_column(entity, a.field) for a in attributes)]))
    tally = Tally(
        entity, c.case.relation, c.case.dialect, day, day, order,
        lambda e: c.case.event_relations.get(e.name, e.name),
    )  # fmt: skip
    member = tally.flag(segment.rule, entity, rules_of(c.project))
    columns = []
    for n, attribute in enumerate(attributes):
        bucket = bucket_sql(attribute)
        kept = f"case when {bucket} in ({listed(list(shown[attribute.name]))}) then {bucket} else '{OTHER}' end"
        columns.append(f"{tally.expression(kept, [attribute.field], entity)} as a{n}")
    hit = f"case when {tally.expression(*_hit(c, entity), entity)} then 1 else 0 end"
    return f"select pulse_day, {', '.join(columns)}, {hit} as hit from ({tally.judged()}) as j where {member}"


def _hit(c: Collector, entity: Entity) -> tuple[str, list[str]]:
    """Return what makes a member count in the numerator of the metric, and the fields that it reads."""
    if c.case.channel:
        text = entity.reach[c.case.channel]
        return f"coalesce({text}, false)", [f for f in entity.fields if f in text]
    if c.case.metric == "inactive_rate" and entity.last_seen_at:
        at, days = entity.last_seen_at, entity.inactive_after_days
        return f"({at} is null or cast({at} as date) < pulse_day - {days})", [at]
    return "true", []


def _leaves(question: Question, rows: Sequence[Mapping[str, Any]], is_rate: bool) -> Leaves | None:
    """Return the finest combinations that leave few members in groups too small to tell, None where all leave many."""
    total = sum(int(r["members"]) for r in rows if all(r[f"g{n}"] for n in range(len(question.attributes))))
    for depth in range(len(question.attributes), 0, -1):
        fine = [
            r for r in rows if [int(r[f"g{n}"]) for n in range(len(question.attributes))] == _marks(question, depth)
        ]
        if fine and total - sum(int(r["members"]) for r in fine) <= MAX_HIDDEN * total:
            return _as_leaves(question, fine, depth, is_rate)
    return None


def _marks(question: Question, depth: int) -> list[int]:
    return [0] * depth + [1] * (len(question.attributes) - depth)


def _as_leaves(question: Question, rows: Sequence[Mapping[str, Any]], depth: int, is_rate: bool) -> Leaves:
    keys = sorted({tuple(str(r[f"a{n}"]) for n in range(depth)) for r in rows})
    place = {key: n for n, key in enumerate(keys)}
    values = [tuple(sorted({key[n] for key in keys})) for n in range(depth)]
    members, hits = np.zeros((2, len(keys))), np.zeros((2, len(keys)))  # expected, actual
    for row in rows:
        n = place[tuple(str(row[f"a{i}"]) for i in range(depth))]
        is_last = row["pulse_day"] == question.days[0]
        share = 1.0 if is_last else 1.0 / (len(question.days) - 1)
        members[int(is_last), n] += share * int(row["members"])
        hits[int(is_last), n] += share * int(row["hits"])
    codes = np.array([[values[n].index(key[n]) for n in range(depth)] for key in keys], dtype=np.int64)
    attributes = question.attributes[:depth]
    if is_rate:
        return Leaves(attributes, tuple(values), codes, hits[0], hits[1], members[0], members[1])
    return Leaves(attributes, tuple(values), codes, members[0], members[1])


def _tell(
    c: Collector, question: Question, rows: Sequence[Mapping[str, Any]], leaves: Leaves, found: Found, is_rate: bool
) -> None:
    split = split_rate(leaves) if is_rate else None
    parts, whole = [round(s.change) for s in found.slices], round(found.whole)
    for s, part in zip(found.slices, parts, strict=True):
        told = _values(question, rows, s, part, whole, is_rate)
        share = min(abs(part / whole), 1.0) if whole else 0.0
        c.add(
            "slice", _text(c, told, part, whole, is_rate), told, list(told), question.slice_sql(s.where), source="relation",
            weight=0.55 + 0.35 * share,
        )  # fmt: skip
    if found.slices or found.everywhere:
        _rest(c, question, whole, round(found.everywhere), parts, split)


def _values(
    question: Question, rows: Sequence[Mapping[str, Any]], s: Slice, part: int, whole: int, is_rate: bool
) -> dict[str, Scalar]:
    """Return the numbers of a slice; a count that is below k, so not among the rows, is told as that."""
    where = " and ".join(f"{a} = {scrub(v, 60)}" for a, v in s.where)
    given = {question.attributes.index(a): v for a, v in s.where}
    mine = [r for r in rows if all(bool(r[f"g{n}"]) != (n in given) for n in range(len(question.attributes)))]
    mine = [r for r in mine if all(str(r[f"a{n}"]) == v for n, v in given.items())]
    last = next((r for r in mine if r["pulse_day"] == question.days[0]), None)
    before, days = [r for r in mine if r["pulse_day"] != question.days[0]], len(question.days) - 1
    members = int(last["members"]) if last else f"<{question.k}"
    out: dict[str, Scalar] = {
        "slice": where, "members": members, "expected_members": sum(int(r["members"]) for r in before) / days,
        "explains": part, "of": whole,
    }  # fmt: skip
    if is_rate and last:
        hits = int(last["hits"])
        out["hits"] = hidden(hits, question.k)
        out["rate"] = hits / last["members"] if not 0 < hits < question.k else f"<{question.k / last['members']:.3g}"
        out["expected_rate"] = sum(int(r["hits"]) for r in before) / max(sum(int(r["members"]) for r in before), 1)
    return out


def _text(c: Collector, told: Mapping[str, Scalar], part: int, whole: int, is_rate: bool) -> str:
    case, where = c.case, "'" + str(told["slice"]).replace("'", "’") + "'"
    rate, before = told.get("rate"), told.get("expected_rate")
    if is_rate and isinstance(rate, float) and isinstance(before, float):
        return (
            f"In the slice {where} of {case.segment_id}, {case.measure.label} is {percent(rate)} on {case.last},"
            f" {percent(before)} before: it explains {part:+,} of {whole:+,} members."
        )
    return (
        f"The slice {where} of {case.segment_id} has {words(told['members'])} members on {case.last}, {words(told['expected_members'])}"
        f" before: it explains {part:+,} of {whole:+,}."
    )


def _rest(
    c: Collector, question: Question, whole: int, everywhere: int, parts: Sequence[int], split: Split | None
) -> None:
    """Say what is alike everywhere and what is left over, so that all parts are the change."""
    rest = whole - everywhere - sum(parts)
    said = [f"of the change of {whole:+,} members, {everywhere:+,} are alike in all slices"] if everywhere else []
    said.append(f"slices explain {sum(parts):+,}" if parts else "no slice stands out")
    text = ", ".join(said) + f", and {rest:+,} are unexplained"
    row: dict[str, Scalar] = {"everywhere": everywhere, "in_slices": sum(parts), "unexplained": rest, "of": whole}
    if split is not None:
        text += f"; of the change of the rate, {_points(split.within)} is within slices, {_points(split.mix)} is their sizes"
        row |= {"within": split.within, "mix": split.mix}
    text = text[0].upper() + text[1:]
    c.add("slice_rest", text + ".", row, list(row), question.slice_sql(()), source="relation", weight=0.5)


def _points(change: float) -> str:
    return f"{100 * change:+.2g} points"
