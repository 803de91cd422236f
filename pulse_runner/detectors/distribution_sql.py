"""The aggregates of a distribution's baseline, made in the warehouse: the runner never pulls days of buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from pulse_runner.detectors.base import DistributionPanel
from pulse_runner.detectors.distribution_baseline import HALF_LIFE, TESTED, TRAIL, WINDOW

W = range(TESTED)  # 0 is the tested date, 1 the day before


def baseline_sql(day: date, distributions: str, snapshots: str, excluded: str) -> str:
    """Return a SELECT with one row per segment, attribute and bucket: the counts of the tested days and baseline aggregates.

    `distributions` and `snapshots` name segment_distributions and segment_snapshots. `excluded` names a relation or is a
    subquery with (segment_id, attribute, from_date, to_date): days to leave out of the baseline, attribute '' for all. A level
    that was accepted on a date is excluded days before it. Runs on DuckDB and Postgres; dates subtract to days there.
    """
    today, first, last = f"date '{day}'", f"date '{day - timedelta(days=TESTED + WINDOW - 1)}'", TESTED
    fade = f"power(0.5, (age - {last}) / {HALF_LIFE})"

    def over(value: str, when: str = "learn") -> str:
        return f"sum(case when {when} then {value} else 0 end)"

    members = ", ".join(f"max(case when age = {w} then members end) as members_{w}" for w in W)
    weekday_days = ", ".join(f"{over('1', f'learn and mod(age - {w}, 7) = 0')} as weekday_days_{w}" for w in W)
    weekday_share = ", ".join(f"{over('share', f'learn and mod(age - {w}, 7) = 0')} as weekday_share_{w}" for w in W)
    return f"""
with days as (
  select segment_id, size, snapshot_date, {today} - snapshot_date as age from {snapshots}
  where status = 'ok' and size > 0 and snapshot_date between {first} and {today}
), buckets as (
  select distinct segment_id, attribute, bucket from {distributions} where snapshot_date between {first} and {today}
), grid as (
  select k.segment_id, k.attribute, k.bucket, d.age, d.size, coalesce(x.members, 0) as members,
    coalesce(x.members, 0) * 1.0 / d.size as share,
    d.age >= {last} and not exists (
      select 1 from {excluded} as e where e.segment_id = d.segment_id and e.attribute in ('', k.attribute)
        and d.snapshot_date between e.from_date and e.to_date
    ) as learn
  from buckets as k
  join days as d on d.segment_id = k.segment_id
  left join {distributions} as x on x.segment_id = k.segment_id and x.attribute = k.attribute and x.bucket = k.bucket
    and x.snapshot_date = d.snapshot_date
), trailed as (
  select g.segment_id, g.attribute, g.bucket, g.age,
    abs(g.share - avg(b.share)) / sqrt(1 + 1.0 / count(*)) as apart
  from grid as g
  join grid as b on b.segment_id = g.segment_id and b.attribute = g.attribute and b.bucket = g.bucket
    and b.learn and b.age between g.age + 1 and g.age + {TRAIL}
  where g.learn group by g.segment_id, g.attribute, g.bucket, g.age, g.share having count(*) >= 3
), noise as (
  select segment_id, attribute, bucket, avg(apart) as noise from trailed group by segment_id, attribute, bucket
), sums as (
  select segment_id, attribute, bucket, {members}, {over("1")} as days, {over(fade)} as weight,
    {over(f"{fade} * {fade}")} as weight_squares, {over(f"{fade} * share")} as weighted_share, {over("share")} as share_sum,
    {over("1.0 / size")} as inverse_sum, {weekday_days}, {weekday_share}
  from grid group by segment_id, attribute, bucket
)
select s.*, coalesce(n.noise, 0) as noise
from sums as s
left join noise as n on n.segment_id = s.segment_id and n.attribute = s.attribute and n.bucket = s.bucket
order by s.attribute, s.segment_id, s.bucket"""


def panels(rows: Sequence[Mapping[str, Any]], day: date) -> dict[str, DistributionPanel]:
    """Return one panel per attribute from the rows of `baseline_sql`; a bucket that a segment never had stays at zero."""
    by_attribute: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_attribute.setdefault(str(row["attribute"]), []).append(row)
    return {attribute: _panel(attribute, part, day) for attribute, part in by_attribute.items()}


def _panel(attribute: str, rows: Sequence[Mapping[str, Any]], day: date) -> DistributionPanel:
    segments = sorted({str(r["segment_id"]) for r in rows})
    buckets = sorted({str(r["bucket"]) for r in rows})
    s, k = _place(rows, "segment_id", segments), _place(rows, "bucket", buckets)
    shape = (len(segments), len(buckets))

    def cell(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        out = np.zeros(shape)
        out[s, k] = [np.nan if r[name] is None else float(r[name]) for r in rows]
        return out

    def each(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        out = np.zeros(shape[0])
        out[s] = [float(r[name]) for r in rows]
        return out

    members, offset, weekday = np.zeros((*shape, TESTED)), np.zeros((*shape, TESTED)), np.zeros((shape[0], TESTED))
    days = each("days")
    average = cell("share_sum") / np.maximum(days, 1)[:, None]
    for w in W:
        column = TESTED - 1 - w
        counts = cell(f"members_{w}")
        members[:, :, column] = np.where(np.isnan(counts).any(1, keepdims=True), np.nan, counts)
        weekday[:, column] = each(f"weekday_days_{w}")
        same = cell(f"weekday_share_{w}") / np.maximum(weekday[:, column], 1)[:, None]
        offset[:, :, column] = np.where(weekday[:, [column]] > 0, same - average, 0.0)
    weight = each("weight")
    return DistributionPanel(
        attribute=attribute, date=np.datetime64(day, "D"), segment_ids=tuple(segments), buckets=tuple(buckets),
        members=members, recent=cell("weighted_share") / np.maximum(weight, 1e-9)[:, None], offset=offset,
        noise=cell("noise"), inverse_total=each("inverse_sum") / np.maximum(days, 1),
        weight=weight**2 / np.maximum(each("weight_squares"), 1e-9), days=days, weekday_days=weekday,
    )  # fmt: skip


def _place(rows: Sequence[Mapping[str, Any]], name: str, known: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    index = {value: i for i, value in enumerate(known)}
    return np.array([index[str(r[name])] for r in rows], np.int64)
