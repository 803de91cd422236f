"""Evidence from the profiles of columns: values that were renamed, swapped or filled, dates that moved, numbers in another unit."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

from pulse_runner.explain.case import Case
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.evidence.shapes import Pattern, Share, patterns, scale, shift, stands_still
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.scrub import scrub
from pulse_runner.vocabulary import percent, plural

PROFILE_DAYS = 15
FLAG = 0.02  # of the rows, that a flag has to lose
MAX_OTHERS = 3  # columns that the metric does not read
SAID = {
    "recoded_value": "{new} has {now} of the rows on {day}, {new_before} on {before}; {old} has {old_now}, {old_before} before",
    "respelt_value": "{new} has {now} of the rows on {day}, {new_before} on {before}; {old} has {old_now}, {old_before} before; case and"
    " blanks apart they are the same",
    "swapped_values": "{new} has {now} of the rows on {day}, {new_before} on {before}; {old} has {old_now}, {old_before} before: they"
    " changed places",
    "default_value": "{new} has {now} of the rows on {day}, {new_before} on {before}; what others lost went there",
}


@dataclass(frozen=True)
class Column:
    """The profile rows of one column by item, day and bucket."""

    name: str
    rows: dict[tuple[str, date], dict[str, dict[str, Any]]]

    def shares(self, item: str, day: date, field: str = "share") -> dict[str, float]:
        """Return a field by bucket on a day."""
        return {b: float(r[field]) for b, r in self.rows.get((item, day), {}).items() if r[field] is not None}

    def days(self, item: str) -> list[date]:
        """Return the days on which the item is known, in order."""
        return sorted(day for kind, day in self.rows if kind == item)


@dataclass(frozen=True)
class Profiles:
    """Compare what the values of each column look like with the last good date."""

    kinds: tuple[str, ...] = (
        "recoded_value", "respelt_value", "swapped_values", "default_value", "flag", "scale", "dates_shifted", "dates_stand",
    )  # fmt: skip

    def gather(self, c: Collector) -> None:
        """Add the patterns of the metric's own columns, and of a few others."""
        case, others = c.case, 0
        if case.before is None:
            return
        columns = _read(c)
        for name in sorted(columns, key=lambda n: (n not in case.columns, n)):
            found = _facts(c, columns[name])
            if found and name not in case.columns:
                others += 1
                if others > MAX_OTHERS:
                    continue
            for kind, text, row, sql in found:
                weight = 0.93 if name in case.columns else 0.32
                c.add(kind, text, row, list(row), sql, source="pulse_column_profiles", weight=weight)


Fact = tuple[str, str, dict[str, Any], str]


def _read(c: Collector) -> dict[str, Column]:
    case = c.case
    sql = sql_text(f"""
        select column_name, item, snapshot_date, bucket, members, share, value
        from {c.table("pulse_column_profiles")}
        where entity = {literal(case.entity)}
          and snapshot_date between {literal(case.first - timedelta(days=PROFILE_DAYS))} and {literal(case.last)}
        order by column_name, item, snapshot_date, bucket
    """)
    rows: dict[str, dict[tuple[str, date], dict[str, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for row in c.rows(sql, "profiles of columns"):
        rows[row["column_name"]][row["item"], row["snapshot_date"]][row["bucket"]] = row
    return {name: Column(name, dict(found)) for name, found in rows.items()}


def _facts(c: Collector, column: Column) -> list[Fact]:
    case = c.case
    assert case.before is not None
    entity = case.definition
    kind = entity.fields[column.name].type if entity is not None and column.name in entity.fields else ""
    if kind == "boolean":
        return _flag(c, column)
    out = []
    now, rows = column.rows.get(("value", case.last), {}), _rows_of(column, case.last)
    if (now or column.rows.get(("value", case.before))) and kind in ("text", "number"):
        for found in patterns(_shares(column, case), rows, is_number=kind == "number"):
            out.append(_of_values(c, column, found))
    if kind == "number" and not out:
        out += _scale(c, column)
    if kind in ("date", "timestamp"):
        out += _dates(c, column)
    return out


def _rows_of(column: Column, day: date) -> int:
    """Return about how many rows a date has, from the largest value."""
    found = [r for kind, at in column.rows if at == day for r in column.rows[kind, at].values() if r["share"]]
    return int(max((r["members"] / r["share"] for r in found), default=0))


def _shares(column: Column, case: Case) -> list[Share]:
    """Return every value of a column on the last date and before, with the noise of its days."""
    assert case.before is not None
    days = [d for d in column.days("value") if d <= case.before]
    now, before = column.shares("value", case.last), column.shares("value", case.before)
    series = [column.shares("value", d) for d in days]
    return [
        Share(v, now.get(v, 0.0), before.get(v, 0.0), _noise([s.get(v, 0.0) for s in series]))
        for v in {**before, **now}
    ]


def _noise(values: list[float]) -> float:
    """Return how far a series moves from day to day."""
    steps = [b - a for a, b in pairwise(values)]
    return pstdev(steps) if len(steps) > 2 else 0.0


def _of_values(c: Collector, column: Column, found: Pattern) -> Fact:
    """Return a pattern as a fact whose SQL gives the shares of its values on both dates."""
    case = c.case
    assert case.before is not None
    sql = sql_text(f"""
        select column_name, {literal(seen(found.gained))} as value, {literal(seen(found.lost))} as before_value,
          {_share_on(found.gained, case.last)} as share, {_share_on(found.gained, case.before)} as before_share,
          {_share_on(found.lost, case.last)} as old_share, {_share_on(found.lost, case.before)} as old_before_share
        from {c.table("pulse_column_profiles")}
        where entity = {literal(case.entity)} and column_name = {literal(column.name)} and item = 'value'
          and snapshot_date in ({literal(case.before)}, {literal(case.last)})
        group by column_name
    """)
    now, before = column.shares("value", case.last), column.shares("value", case.before)
    row: dict[str, Any] = {
        "column_name": column.name, "value": seen(found.gained), "before_value": seen(found.lost),
        "share": now.get(found.gained, 0.0), "before_share": before.get(found.gained, 0.0),
        "old_share": now.get(found.lost, 0.0), "old_before_share": before.get(found.lost, 0.0),
    }  # fmt: skip
    told = SAID[found.kind].format(
        new=quoted(found.gained), old=quoted(found.lost), day=case.last, before=case.before, now=percent(row["share"]),
        new_before=percent(row["before_share"]), old_now=percent(row["old_share"]), old_before=percent(row["old_before_share"]),
    )  # fmt: skip
    return found.kind, f"In column {column.name} of {case.entity}, value {told}.", row, sql


def _share_on(value: str, day: date) -> str:
    return f"sum(case when bucket = {literal(value)} and snapshot_date = {literal(day)} then share else 0 end)"


def seen(value: str) -> str:
    """Return a value with blanks that can be seen, where it begins or ends with one.

    >>> seen("plus "), seen("South Africa")
    ('plus␠', 'South Africa')
    """
    return value if value == value.strip() else value.replace(" ", "␠")


def quoted(value: str) -> str:
    """Return a value as a sentence names it."""
    return "'" + scrub(seen(value), 60).replace("'", "’") + "'"


def _flag(c: Collector, column: Column) -> list[Fact]:
    """Return that a flag is true for fewer or more rows, or for the others."""
    case = c.case
    assert case.before is not None
    true = next((s for s in _shares(column, case) if s.value.lower() in ("true", "t", "1")), None)
    false = next((s for s in _shares(column, case) if s.value.lower() in ("false", "f", "0")), None)
    if true is None or abs(true.change) < max(FLAG, 6 * true.noise):
        return []
    if false is not None and abs(true.now - false.before) < 0.005 and abs(false.now - true.before) < 0.005:
        return [_of_values(c, column, Pattern("swapped_values", true.value, false.value, abs(true.change)))]
    _, _, row, sql = _of_values(c, column, Pattern("default_value", true.value, "", true.change))
    text = (
        f"Column {column.name} of {case.entity} is true for {percent(true.now)} of the rows on {case.last},"
        f" {percent(true.before)} on {case.before}."
    )
    return [("flag", text, row, sql)]


def _scale(c: Collector, column: Column) -> list[Fact]:
    """Return how the quantiles of a number moved."""
    case = c.case
    assert case.before is not None
    now, before = (column.shares("quantile", d, "value") for d in (case.last, case.before))
    if not now or now.keys() != before.keys():
        return []
    names = sorted(now)
    days = [d for d in column.days("quantile") if d <= case.before]
    steps = [_steps(column, names, a, b) for a, b in pairwise(days)]
    noise = max((fmean(s) for s in zip(*steps, strict=True)), default=0.0) if steps else 0.0
    if any(not math.isfinite(v) for v in (*now.values(), *before.values())):
        return []
    found = scale([now[n] for n in names], [before[n] for n in names], noise)
    if found is None:
        return []
    sql = sql_text(f"""
        select d.column_name, min(d.value / b.value) as low_ratio, max(d.value / b.value) as high_ratio,
          max(case when d.bucket = '0.5' then d.value end) as median_value,
          max(case when d.bucket = '0.5' then b.value end) as before_median_value
        from {c.table("pulse_column_profiles")} as d
        join {c.table("pulse_column_profiles")} as b on b.entity = d.entity and b.column_name = d.column_name
          and b.item = d.item and b.bucket = d.bucket and b.snapshot_date = {literal(case.before)}
        where d.entity = {literal(case.entity)} and d.column_name = {literal(column.name)} and d.item = 'quantile'
          and d.snapshot_date = {literal(case.last)} and b.value <> 0 and d.value / b.value > 0
        group by d.column_name
    """)
    row = {
        "column_name": column.name, "low_ratio": found.low, "high_ratio": found.high,
        "median_value": now["0.5"], "before_median_value": before["0.5"],
    }  # fmt: skip
    if found.is_even:
        how = f"are all about {figure(found.ratio)} times those of {case.before}"
    else:
        how = f"are {figure(found.low)} to {figure(found.high)} times those of {case.before}"
    text = (
        f"The quantiles of column {column.name} of {case.entity} on {case.last} {how} (median {figure(now['0.5'])},"
        f" {figure(before['0.5'])} before)."
    )
    return [("scale", text, row, sql)]


def _steps(column: Column, names: list[str], one: date, other: date) -> list[float]:
    a, b = column.shares("quantile", one, "value"), column.shares("quantile", other, "value")
    return [abs(math.log(b[n] / a[n])) if a.get(n) and b.get(n) and b[n] / a[n] > 0 else 0.0 for n in names]


def figure(value: float) -> str:
    """Write a number with three digits, never with an exponent.

    >>> figure(100), figure(0.8612), figure(1.5), figure(0.001), figure(12345.6)
    ('100', '0.861', '1.5', '0.001', '12,346')
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _dates(c: Collector, column: Column) -> list[Fact]:
    """Return that dates moved by whole days, or that none came since the day before."""
    case = c.case
    assert case.before is not None
    now = column.shares("age", case.last)
    weeks = [case.last - timedelta(days=n) for n in (7, 14) if case.last - timedelta(days=n) < case.first]
    usual = next((u for u in (column.shares("age", d) for d in weeks) if u), column.shares("age", case.before))
    yesterday = column.shares("age", case.before, "members")
    if not now or not usual:
        return []
    fresh, name = ("0", case.last), column.name
    one_day = case.last - case.before == timedelta(days=1)
    if one_day and usual.get("0", 0) >= 0.005 and stands_still(column.shares("age", case.last, "members"), yesterday):
        text = (
            f"No row of {case.entity} has a {name} of {case.last}: the dates are those of {case.before},"
            f" when {percent(column.shares('age', case.before).get('0', 0.0))} of the rows had one of that day."
        )
        row, sql = _ages(c, column, *fresh, case.before)
        return [("dates_stand", text, row, sql)]
    days = shift(now, usual)
    if not days:
        return []
    day = next((d for d in weeks if column.shares("age", d)), case.before)
    row, sql = _ages(c, column, *fresh, day)
    where = f"{plural(abs(days), 'day')} {'earlier' if days < 0 else 'later'}"
    text = (
        f"The dates in column {name} of {case.entity} lie {where} than on {day}: {percent(row['share'])} of the rows have"
        f" one of the same day on {case.last}, {percent(row['before_share'])} had then."
    )
    return [
        (
            "dates_shifted",
            text,
            row | {"days": days},
            sql.replace("as before_share", f"as before_share, {days} as days", 1),
        )
    ]


def _ages(c: Collector, column: Column, bucket: str, day: date, before: date) -> tuple[dict[str, Any], str]:
    """Return the share of rows whose date lies so many days back on two dates, with its SQL."""
    sql = sql_text(f"""
        select column_name, {_share_on(bucket, day)} as share, {_share_on(bucket, before)} as before_share
        from {c.table("pulse_column_profiles")}
        where entity = {literal(c.case.entity)} and column_name = {literal(column.name)} and item = 'age'
          and snapshot_date in ({literal(before)}, {literal(day)})
        group by column_name
    """)
    now, then = column.shares("age", day).get(bucket, 0.0), column.shares("age", before).get(bucket, 0.0)
    return {"column_name": column.name, "share": now, "before_share": then}, sql
