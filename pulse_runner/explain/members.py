"""Evidence about a segment's members: how far the metric moved, which causes moved them, which buckets, where they went."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from pulse_runner.explain.collect import Collector, literal, sql_text
from pulse_runner.explain.model import Case, count, members, percent, scrub

USUAL_DAYS = 28  # four of each weekday
MIN_CONCENTRATION = 1.5  # a bucket's part of a change, over its part of the members
MAX_CAUSES, MAX_BUCKETS, MAX_FLOWS = 6, 6, 2
RATES = {"conversion_rate": ("converted", "eligible"), "inactive_rate": ("inactive", "size")}
COUNTS = ("size", "entered", "exited", "converted", "inactive")


def gather(c: Collector) -> None:
    """Collect every fact about the members of the case's segment."""
    if not c.case.segment_id:
        return
    _status(c)
    _finding(c)
    if c.case.metric in RATES:
        _rate_change(c, *RATES[c.case.metric])
    if c.case.metric.startswith("reach:"):
        _reach(c)
    _count_change(c, c.case.metric if c.case.metric in COUNTS else "size")
    _causes(c)
    _buckets(c)
    _flows(c)


def _status(c: Collector) -> None:
    case = c.case
    sql = sql_text(f"""
        select snapshot_date, status, status_reason
        from {c.table("pulse_segment_snapshots")}
        where segment_id = {literal(case.segment_id)} and snapshot_date = {literal(case.last)} and status <> 'ok'
    """)
    for row in c.rows(sql, "status of the snapshot"):
        reason = f": {row['status_reason']}" if row["status_reason"] else ""
        text = f"The snapshot of {case.segment_id} on {row['snapshot_date']} is {row['status']}{reason}."
        c.add("status", text, row, list(row), sql, source="pulse_segment_snapshots", weight=1.0)


def _finding(c: Collector) -> None:
    case = c.case
    sql = sql_text(f"""
        select snapshot_date, observed, expected, lower_bound, upper_bound, effect
        from {c.table("pulse_findings")}
        where segment_id = {literal(case.segment_id)} and snapshot_date = {literal(case.last)}
          and detector = {literal(case.detector)} and metric = {literal(case.metric)}
          and attribute = {literal(case.attribute)} and verdict = 'finding'
    """)
    rate = _is_rate(case)
    for row in c.rows(sql, "the detector's finding"):
        if row["observed"] is None or row["expected"] is None:
            continue
        bounds = ""
        if row["lower_bound"] is not None and row["upper_bound"] is not None:
            bounds = f" ({_number(row['lower_bound'], rate)} to {_number(row['upper_bound'], rate)})"
        name = _label(case)
        text = (
            f"{name} of {case.segment_id} on {row['snapshot_date']} is {_number(row['observed'], rate)};"
            f" {_number(row['expected'], rate)} expected{bounds}."
        )
        c.add("finding", text, row, list(row), sql, source="pulse_findings", weight=0.98)


def _count_change(c: Collector, metric: str) -> None:
    """A count now, on the last good date before the change, and a week before: is it new, is it the weekday?"""
    case, name = c.case, c.table("pulse_segment_snapshots")
    if case.before is None:
        return
    week = case.last - timedelta(days=7)
    sql = sql_text(f"""
        select d.snapshot_date, d.{metric}, b.snapshot_date as before_date, b.{metric} as before_{metric},
          d.{metric} - b.{metric} as change,
          1.0 * (d.{metric} - b.{metric}) / nullif(b.{metric}, 0) as change_rate, w.{metric} as week_before_{metric}
        from {name} as d
        join {name} as b on b.segment_id = d.segment_id and b.snapshot_date = {literal(case.before)}
        left join {name} as w on w.segment_id = d.segment_id and w.snapshot_date = {literal(week)}
        where d.segment_id = {literal(case.segment_id)} and d.snapshot_date = {literal(case.last)}
          and d.{metric} is not null and b.{metric} is not null
    """)
    for row in c.rows(sql, "the change of the count"):
        noun = "members" if metric == "size" else f"members {metric}"
        text = f"{case.segment_id} has {count(row[metric])} {noun} on {case.last}, {count(row[f'before_{metric}'])} on {case.before}"
        if row["change_rate"] is not None:
            text += f" ({_signed(row['change_rate'])})"
        if row[f"week_before_{metric}"] is not None:
            text += f" and {count(row[f'week_before_{metric}'])} on {week}, the same weekday a week earlier"
        weight = 0.97 if metric == case.metric else 0.6
        c.add("change", text + ".", row, list(row), sql, source="pulse_segment_snapshots", weight=weight)


def _rate_change(c: Collector, numerator: str, denominator: str) -> None:
    """A rate on the day against the pooled rate of the four weeks before the change."""
    case, name = c.case, c.table("pulse_segment_snapshots")
    sql = sql_text(f"""
        select d.snapshot_date, d.{numerator}, d.{denominator}, d.{case.metric},
          b.{numerator} as before_{numerator}, b.{denominator} as before_{denominator},
          1.0 * b.{numerator} / nullif(b.{denominator}, 0) as before_rate, b.days as before_days
        from {name} as d
        cross join (
          select sum({numerator}) as {numerator}, sum({denominator}) as {denominator}, count(*) as days
          from {name}
          where segment_id = {literal(case.segment_id)} and status = 'ok' and {numerator} is not null
            and snapshot_date between {literal(usual_from(case))} and {literal(case.first - timedelta(days=1))}
        ) as b
        where d.segment_id = {literal(case.segment_id)} and d.snapshot_date = {literal(case.last)}
    """)
    _add_rate(c, sql, numerator, denominator, "pulse_segment_snapshots", _label(case))


def _reach(c: Collector) -> None:
    """The reach of every channel: a loss in one channel only is another thing than a loss in all."""
    case, name = c.case, c.table("pulse_segment_reach")
    if case.before is None:
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
    wanted = case.metric.removeprefix("reach:")
    for row in c.rows(sql, "reach by channel"):
        text = (
            f"{percent(row['reach_rate'])} of the members can be reached by {row['channel']} on {case.last}"
            f" ({count(row['reachable'])} members), {percent(row['before_rate'])} on {case.before}."
        )
        own = row["channel"] == wanted
        c.add("reach", text, row, list(row), sql, source="pulse_segment_reach", weight=0.96 if own else 0.4)


def _add_rate(c: Collector, sql: str, numerator: str, denominator: str, source: str, name: str) -> None:
    case = c.case
    for row in c.rows(sql, f"{name} before and after"):
        rate = row[case.metric]
        if rate is None or row["before_rate"] is None:
            continue
        text = (
            f"{name} of {case.segment_id} is {percent(rate)} on {case.last} ({count(row[numerator])} of"
            f" {count(row[denominator])}); it was {percent(row['before_rate'])} over the {row['before_days']} days before"
            f" {case.first} ({count(row[f'before_{numerator}'])} of {count(row[f'before_{denominator}'])})."
        )
        c.add("rate", text, row, list(row), sql, source=source, weight=0.97)


def _causes(c: Collector) -> None:
    """Who came and went by which cause, against what is usual for as many days: the excess is what needs a reason."""
    case = c.case
    days = c.rows(
        sql_text(f"""
            select sum(case when snapshot_date >= {literal(case.first)} then 1 else 0 end) as days,
              sum(case when snapshot_date < {literal(case.first)} then 1 else 0 end) as usual_days
            from {c.table("pulse_segment_snapshots")}
            where segment_id = {literal(case.segment_id)} and status = 'ok' and previous_size is not null
              and snapshot_date between {literal(usual_from(case))} and {literal(case.last)}
        """),
        "days with changes",
    )
    if not days or not days[0]["days"]:
        return
    span, usual_days = days[0]["days"], days[0]["usual_days"] or 0
    usual = f"{span}.0 / {usual_days}" if usual_days else "0.0"
    inside = f"snapshot_date >= {literal(case.first)}"
    sql = sql_text(f"""
        select direction, cause, detail, columns,
          sum(case when {inside} then members else 0 end) as members,
          sum(sum(case when {inside} then members else 0 end)) over (partition by direction) as of_members,
          sum(case when {inside} then 0 else members end) * {usual} as usual_members
        from {c.table("pulse_segment_changes")}
        where segment_id = {literal(case.segment_id)}
          and not is_chosen and snapshot_date between {literal(usual_from(case))} and {literal(case.last)}
        group by direction, cause, detail, columns
        order by direction, members desc, cause, detail
    """)
    rows = c.rows(sql, "causes of the change")
    if not rows:
        return
    _balance(c, rows)
    sign = {"gained": 1.0, "lost": -1.0}
    excess = [(sign[r["direction"]] * (float(r["members"]) - float(r["usual_members"])), r) for r in rows]
    excess.sort(key=lambda pair: (-abs(pair[0]), pair[1]["direction"], pair[1]["cause"], pair[1]["detail"]))
    largest = abs(excess[0][0]) or 1.0
    for moved, row in excess[:MAX_CAUSES]:
        if abs(moved) < max(case.k, 0.05 * largest):
            continue
        c.add(
            "cause", _cause_text(case, row, bool(usual_days)), row, list(row), sql,
            source="pulse_segment_changes", weight=0.5 + 0.44 * abs(moved) / largest, contribution=moved,
            people=("members", "of_members"),
        )  # fmt: skip


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
        text = (
            f"{when} {case.segment_id} gained {members(row['gained'], case.k)} and lost"
            f" {members(row['lost'], case.k)} members, a change of {_net(row['net'])}."
        )
        c.add(
            "balance", text, row, list(row), sql, source="pulse_segment_changes", weight=0.55, people=("gained", "lost")
        )


def _net(value: int) -> str:
    return f"{value:+,}" if value else "0"


def _cause_text(case: Case, row: Mapping[str, Any], has_usual: bool) -> str:
    moved = f"{members(row['members'], case.k)} of {members(row['of_members'], case.k)} members"
    verb = "left" if row["direction"] == "lost" else "came"
    leaf = f"`{row['detail']}`"
    how = {
        "leaf": f"because {leaf} stopped being true" if verb == "left" else f"because {leaf} became true",
        "aged": f"as time passed {leaf}" if row["detail"] else "as time passed a relative date",
        "edited": "because the definition was edited",
        "row_gone": "because their rows are gone from the relation",
        "row_new": "with rows that are new in the relation",
    }[row["cause"]]
    usual = f" ({count(float(row['usual_members']))} usual)" if has_usual else ""
    return f"{moved} who {verb} {how}{usual}."


def _buckets(c: Collector) -> None:
    """Which buckets moved: the large share shifts of the incident's attribute, else where a size change is concentrated."""
    case, name = c.case, c.table("pulse_segment_distributions")
    if case.before is None:
        return
    attribute = f" and attribute = {literal(case.attribute)}" if case.detector == "distribution_shift" else ""
    mine = f"segment_id = {literal(case.segment_id)}{attribute}"
    sql = sql_text(f"""
        select attribute, bucket,
          sum(case when snapshot_date = {literal(case.last)} then members else 0 end) as members,
          sum(case when snapshot_date = {literal(case.last)} then share else 0 end) as share,
          sum(case when snapshot_date = {literal(case.before)} then members else 0 end) as before_members,
          sum(case when snapshot_date = {literal(case.before)} then share else 0 end) as before_share
        from {name}
        where {mine} and snapshot_date in ({literal(case.before)}, {literal(case.last)})
        group by attribute, bucket
        order by attribute, bucket
    """)
    rows = [r for r in c.rows(sql, "distributions") if max(r["members"], r["before_members"]) >= case.k]
    for weight, row in sorted(_moved(case, rows), key=lambda m: (-m[0], m[1]["attribute"], m[1]["bucket"]))[
        :MAX_BUCKETS
    ]:
        text = (
            f"Bucket {_quoted(row['bucket'])} of {row['attribute']} holds {_held(case, row['members'], row['share'])} on"
            f" {case.last}, {_held(case, row['before_members'], row['before_share'])} on {case.before}."
        )
        told = {
            n: v
            for n, v in row.items()
            if not (n.endswith("share") and 0 < row[n.replace("share", "members")] < case.k)
        }
        c.add(
            "bucket", text, told, list(told), sql,
            source="pulse_segment_distributions", weight=weight, people=("members", "before_members"),
        )  # fmt: skip


def _held(case: Case, number: int, share: float) -> str:
    """Say how many members are in a bucket; the share of a bucket that is too small to tell is left out too."""
    if 0 < number < case.k:
        return f"{members(number, case.k)} members"
    return f"{percent(share)} of the members ({count(number)})"


def _moved(case: Case, rows: list[dict[str, Any]]) -> list[tuple[float, dict[str, Any]]]:
    """Return the buckets that are worth telling with their weights, by the kind of incident."""
    if case.detector == "distribution_shift":
        shifts = [(abs(float(r["share"]) - float(r["before_share"])), r) for r in rows]
        return [(0.5 + 0.45 * shift, r) for shift, r in shifts if shift >= 0.01]
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


def _flows(c: Collector) -> None:
    """Which segments the leavers (or newcomers) are in now (or were in before)."""
    case = c.case
    if case.metric not in ("size", "entered", "exited") or case.before is None:
        return
    lost = case.direction != "up"
    here, there = ("from_segment", "to_segment") if lost else ("to_segment", "from_segment")
    sql = sql_text(f"""
        select {there}, sum(members) as members
        from {c.table("pulse_segment_flows")}
        where {here} = {literal(case.segment_id)} and {there} not in ({literal(case.segment_id)}, '(any)')
          and snapshot_date between {literal(case.first)} and {literal(case.last)}
        group by {there}
        having sum(members) >= {max(case.k, 1)}
        order by members desc, {there}
    """)
    for row in c.rows(sql, "flows between segments")[:MAX_FLOWS]:
        other = "in no segment" if row[there] == "(none)" else f"in {row[there]}"
        who = f"who left are {other} now" if lost else f"who came were {other} before"
        text = f"{count(row['members'])} members {who}."
        c.add("flow", text, row, list(row), sql, source="pulse_segment_flows", weight=0.35)


def usual_from(case: Case) -> date:
    """Return the first of the days that `usual` is taken from."""
    return case.first - timedelta(days=USUAL_DAYS)


def _is_rate(case: Case) -> bool:
    return case.metric in RATES or case.metric.startswith("reach:") or case.detector == "distribution_shift"


def _number(value: float, rate: bool) -> str:
    return percent(value) if rate else count(value)


def _label(case: Case) -> str:
    if case.detector == "distribution_shift":
        return f"The distance of {case.attribute} from its baseline"
    if case.metric.startswith("reach:"):
        return f"Reach by {case.metric.removeprefix('reach:')}"
    return case.metric.replace("_", " ").capitalize()


def _signed(rate: float) -> str:
    return ("+" if rate > 0 else "") + percent(rate)


def _quoted(bucket: str) -> str:
    return "'" + scrub(bucket, 60).replace("'", "’") + "'"
