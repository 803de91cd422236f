"""Evidence about where a fault of a column or of the rows is: one GROUP BY per attribute over the relation, on two dates.

Asked only of columns in which something was measured, for entities with rows per date. Only counts and means come back, of the buckets
that the profile of the attribute's column shows: what is hidden or looks like people is in none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pulse_runner.compile.sql import readable
from pulse_runner.explain.evidence.collector import Collector, people
from pulse_runner.explain.evidence.profiles import figure, quoted
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.segments.model import Attribute, Entity
from pulse_runner.vocabulary import count, percent

SUSPICIOUS = ("scale", "mean", "flag", "nulls")
MAX_SUSPECTS = 2
LEAST = 20  # rows of a bucket before the change, from which on it says anything
PURE = 0.35  # how little the rest may have changed, as a part of the bucket's own change
FEWER = 0.6  # what is left of a bucket's rows, at most, to call it lost


@dataclass(frozen=True)
class ByAttribute:
    """Find the bucket of an attribute that a change of a column, or of the rows, is confined to."""

    kinds: tuple[str, ...] = ("slice_mean", "slice_true", "slice_nulls", "slice_rows")

    def gather(self, c: Collector) -> None:
        """Add, for each suspected column and for the rows, the bucket that changed alone; none is fine."""
        entity, case = c.case.definition, c.case
        if entity is None or case.before is None or entity.history.kind != "as_of" or case.relation.startswith("{{"):
            return
        facts = [e for e in c.found if e.kind in SUSPICIOUS and e.values.get("column_name") in entity.fields]
        suspects = list(dict.fromkeys(str(e.values["column_name"]) for e in facts))[:MAX_SUSPECTS]
        if not suspects and not any(e.kind == "rows" for e in c.found):
            return
        best: dict[tuple[str, str], tuple[float, str, dict[str, Any], str]] = {}
        for attribute in entity.attributes:
            if attribute.bins or attribute.values == "hidden" or attribute.field in suspects:
                continue
            sql = _sql(c, entity, attribute, suspects)
            for kind, column, score, text, row in _alone(c, attribute, suspects, c.tried(sql)):
                if score > best.get((kind, column), (0.0,))[0]:
                    best[kind, column] = score, text, row, sql
        for (kind, column), (_, text, row, sql) in sorted(best.items()):
            own = column in case.columns or not column
            c.add(
                kind,
                text,
                row,
                list(row),
                sql,
                source="relation",
                weight=0.91 if own else 0.3,
                hide=("rows",) if "rows" in row else (),
            )


def _sql(c: Collector, entity: Entity, attribute: Attribute, suspects: list[str]) -> str:
    case, as_of = c.case, entity.history.as_of
    assert case.before is not None
    sides = {"": literal(case.last), "before_": literal(case.before)}
    measures = [f"sum(case when day = {day} then 1 else 0 end) as {side}rows" for side, day in sides.items()]
    for name in suspects:
        value = _value(entity, name)
        for side, day in sides.items():
            measures.append(f"avg(case when day = {day} then {value} end) as {side}{name}")
            measures.append(
                f"avg(case when day = {day} then case when {name} is null then 1.0 else 0.0 end end) as {side}{name}_nulls"
            )
    joined = ",\n          ".join(measures)
    return sql_text(f"""
        select {literal(attribute.name)} as attribute, bucket,
          {joined}
        from (
          select cast({attribute.field} as varchar(200)) as bucket, cast({as_of} as date) as day{"".join(f", {n}" for n in suspects)}
          from {readable(case.relation, entity, case.dialect)} as given
          where cast({as_of} as date) in ({sides[""]}, {sides["before_"]})
        ) as dated
        where bucket in (
          select bucket from {c.table("pulse_column_profiles")}
          where entity = {literal(case.entity)} and column_name = {literal(attribute.field)} and item = 'value'
            and snapshot_date in ({sides["before_"]}, {sides[""]})
        )
        group by bucket
        order by bucket
    """)


def _value(entity: Entity, name: str) -> str:
    """Return a column as the number whose mean is taken: a flag is 1 or 0; others have none."""
    kind = entity.fields[name].type
    if kind == "boolean":
        return f"case when {name} then 1.0 when not {name} then 0.0 end"
    return f"cast({name} as double precision)" if kind == "number" else "cast(null as double precision)"


Found = tuple[str, str, float, str, dict[str, Any]]  # kind, column, score, sentence, row


def _alone(c: Collector, attribute: Attribute, suspects: list[str], rows: list[dict[str, Any]]) -> list[Found]:
    """Return the bucket that changed while the rest did not, per measure, with how purely."""
    case, k = c.case, c.case.k
    big = [r for r in rows if (r["before_rows"] or 0) >= max(LEAST, k)]
    out: list[Found] = []
    if len(big) < 2:
        return out
    where = f"on {case.last}, {{}} on {case.before}"
    found = _purest(big, lambda r: math.log(max(r["rows"] or 0, 0.5) / r["before_rows"]))
    if found is not None and (found[1]["rows"] or 0) <= FEWER * found[1]["before_rows"]:
        score, row, rest = found
        bucket = quoted(row["bucket"])
        text = (
            f"{bucket} of {attribute.name} has {people(row['rows'] or 0, k)} rows {where.format(count(row['before_rows']))};"
            f" the other buckets changed by {percent(math.exp(rest) - 1)}."
        )
        out.append(("slice_rows", "", score, text, {n: row[n] for n in ("attribute", "bucket", "rows", "before_rows")}))
    for name in suspects:
        out += _of_column(c, attribute, name, [r for r in big if (r["rows"] or 0) >= k], where)
    return out


def _of_column(c: Collector, attribute: Attribute, name: str, rows: list[dict[str, Any]], where: str) -> list[Found]:
    entity = c.case.definition
    assert entity is not None
    out: list[Found] = []
    nulls = _purest(rows, lambda r: float(r[f"{name}_nulls"] or 0) - float(r[f"before_{name}_nulls"] or 0))
    if nulls is not None and abs(float(nulls[1][f"{name}_nulls"]) - float(nulls[1][f"before_{name}_nulls"])) >= 0.1:
        score, row, _ = nulls
        share, before = float(row[f"{name}_nulls"]), float(row[f"before_{name}_nulls"])
        text = (
            f"{quoted(row['bucket'])} of {attribute.name} has {percent(share)} nulls in {name}"
            f" {where.format(percent(before))}; the other buckets are as before."
        )
        out.append(("slice_nulls", name, score, text, _row(row, f"{name}_nulls", f"before_{name}_nulls")))
    known = [r for r in rows if r[name] is not None and r[f"before_{name}"]]
    if entity.fields[name].type == "boolean":
        true = _purest(known, lambda r: float(r[name]) - float(r[f"before_{name}"]))
        if true is not None and abs(float(true[1][name]) - float(true[1][f"before_{name}"])) >= 0.1:
            score, row, _ = true
            text = (
                f"{name} is true for {percent(float(row[name]))} of {quoted(row['bucket'])} of {attribute.name}"
                f" {where.format(percent(float(row[f'before_{name}'])))}; the other buckets are as before."
            )
            out.append(("slice_true", name, score, text, _row(row, name, f"before_{name}")))
    elif entity.fields[name].type == "number":
        mean = _purest(
            [r for r in known if float(r[name]) * float(r[f"before_{name}"]) > 0],
            lambda r: math.log(float(r[name]) / float(r[f"before_{name}"])),
        )
        if mean is not None and abs(math.log(float(mean[1][name]) / float(mean[1][f"before_{name}"]))) >= math.log(
            1.05
        ):
            score, row, _ = mean
            ratio = float(row[name]) / float(row[f"before_{name}"])
            text = (
                f"The mean of {name} of {quoted(row['bucket'])} of {attribute.name} is {figure(float(row[name]))}"
                f" {where.format(figure(float(row[f'before_{name}'])))}, {figure(ratio)} times as much; the other buckets are as before."
            )
            out.append(("slice_mean", name, score, text, _row(row, name, f"before_{name}")))
    return out


def _row(row: dict[str, Any], *measures: str) -> dict[str, Any]:
    """Return the values of a fact: where, and the measure on both dates under their names in the SQL."""
    return {n: row[n] for n in ("attribute", "bucket", *measures)}


def _purest(rows: list[dict[str, Any]], change: Any) -> tuple[float, dict[str, Any], float] | None:
    """Return the bucket with the largest change against the rest, where the rest hardly changed: (score, bucket, the rest's change)."""
    best = None
    for row in rows:
        others = [(change(r), float(r["before_rows"])) for r in rows if r is not row]
        if not others:
            continue
        rest = sum(c * w for c, w in others) / sum(w for _, w in others)
        own = change(row)
        if own and abs(rest) <= PURE * abs(own) and all(abs(c) <= 0.5 * abs(own) for c, _ in others):
            score = abs(own - rest) * math.sqrt(float(row["before_rows"]))
            if best is None or score > best[0]:
                best = (score, row, rest)
    return best
