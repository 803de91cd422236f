"""The aggregates of a distribution's baseline, made in the warehouse: the runner never pulls days of buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pulse_runner.detectors.base import Bools, DistributionPanel, Floats
from pulse_runner.detectors.distribution_baseline import HALF_LIFE, TESTED, TRAIL, WINDOW

if TYPE_CHECKING:
    import pandas as pd

W = range(TESTED)  # 0 is the tested date, 1 the day before


def baseline_days(day: date) -> tuple[date, date]:
    """Return the first and the last day that the baseline of `day` can learn from."""
    return day - timedelta(days=TESTED + WINDOW - 1), day - timedelta(days=TESTED)


def baseline_sql(day: date, distributions: str, excluded: str) -> str:
    """Return a SELECT with one row per segment, attribute and bucket: the counts of the tested days and baseline aggregates.

    `distributions` names segment_distributions. `excluded` is a SELECT of (segment_id, attribute, from_date, to_date): days to
    leave out of the baseline, attribute '' for all; it may hold placeholders, as it stands in the statement once. A level that
    was accepted on a date is excluded days before it. A day counts for an attribute when it has rows: one that was declared last
    week has a week of history. Runs on DuckDB and Postgres; dates subtract to days there. All numbers are double precision.
    """
    today, first = f"date '{day}'", f"date '{baseline_days(day)[0]}'"
    fade = f"power(cast(0.5 as double precision), (age - {TESTED}) / cast({HALF_LIFE} as double precision))"

    def over(value: str, when: str = "learn") -> str:
        return f"sum(case when {when} then cast({value} as double precision) else 0 end)"

    members = ", ".join(f"max(case when age = {w} then members end) as members_{w}" for w in W)
    weekday_days = ", ".join(f"{over('1', f'learn and mod(age - {w}, 7) = 0')} as weekday_days_{w}" for w in W)
    weekday_share = ", ".join(f"{over('share', f'learn and mod(age - {w}, 7) = 0')} as weekday_share_{w}" for w in W)
    return f"""
with excluded as (
  {excluded}
), counts as (
  select segment_id, attribute, bucket, snapshot_date, cast(members as double precision) as members from {distributions}
  where snapshot_date between {first} and {today}
), totals as (
  select segment_id, attribute, snapshot_date, sum(members) as size from counts
  group by segment_id, attribute, snapshot_date
), days as (
  select t.segment_id, t.attribute, t.snapshot_date, {today} - t.snapshot_date as age, t.size,
    {today} - t.snapshot_date >= {TESTED} and t.size > 0 and not exists (
      select 1 from excluded as e where e.segment_id = t.segment_id and e.attribute in ('', t.attribute)
        and t.snapshot_date between e.from_date and e.to_date
    ) as learn
  from totals as t
), buckets as (
  select distinct segment_id, attribute, bucket from counts
), grid as (
  select k.segment_id, k.attribute, k.bucket, d.age, d.size, d.learn, coalesce(c.members, 0) as members,
    case when d.learn then coalesce(c.members, 0) / d.size else 0 end as share
  from buckets as k
  join days as d on d.segment_id = k.segment_id and d.attribute = k.attribute
  left join counts as c on c.segment_id = k.segment_id and c.attribute = k.attribute and c.bucket = k.bucket
    and c.snapshot_date = d.snapshot_date
), trailed as (
  select grid.*, sum(share) over trail as share_before, sum(case when learn then 1 else 0 end) over trail as days_before
  from grid
  window trail as (
    partition by segment_id, attribute, bucket order by age range between 1 following and {TRAIL} following
  )
)
select segment_id, attribute, bucket, {members}, {over("1")} as days, {over(fade)} as weight,
  {over(f"{fade} * {fade}")} as weight_squares, {over(f"{fade} * share")} as weighted_share, {over("share")} as share_sum,
  {over("1 / size")} as inverse_sum, {weekday_days}, {weekday_share},
  coalesce(avg(case when learn and days_before >= 3
    then abs(share - share_before / days_before) / sqrt(1 + 1 / cast(days_before as double precision)) end), 0) as noise
from trailed
group by segment_id, attribute, bucket
order by attribute, segment_id, bucket"""


def panels(frame: pd.DataFrame, day: date, watched: Mapping[str, Sequence[str]]) -> dict[str, DistributionPanel]:
    """Return one panel per attribute from the rows of `baseline_sql`, over the segments that `watched` lists for it.

    A bucket that a segment never had stays at zero; a segment without any row has no days and NaN counts. Attributes without
    a row of any watched segment are left out.
    """
    out = {}
    for attribute, part in frame.groupby("attribute", sort=True):
        segments = tuple(watched.get(str(attribute), ()))
        place = {s: i for i, s in enumerate(segments)}
        part = part[part["segment_id"].isin(place)]
        if len(part):
            out[str(attribute)] = _panel(str(attribute), segments, part["segment_id"].map(place).to_numpy(), part, day)
    return out


def _panel(
    attribute: str, segments: tuple[str, ...], s: npt.NDArray[np.int64], part: pd.DataFrame, day: date
) -> DistributionPanel:
    names = part["bucket"].to_numpy(str)
    buckets, k = np.unique(names, return_inverse=True)
    shape = (len(segments), len(buckets))

    def column(name: str) -> Floats:
        values: Floats = part[name].to_numpy(float, na_value=np.nan)
        return values

    def cell(name: str) -> Floats:
        out = np.zeros(shape)
        out[s, k] = column(name)
        return out

    def each(name: str) -> Floats:
        out = np.zeros(shape[0])
        out[s] = column(name)
        return out

    absent: Bools = np.ones(shape[0], bool)
    absent[s] = False
    members, offset, weekday = np.zeros((*shape, TESTED)), np.zeros((*shape, TESTED)), np.zeros((shape[0], TESTED))
    days = each("days")
    average = cell("share_sum") / np.maximum(days, 1)[:, None]
    for w in W:
        at = TESTED - 1 - w
        counts = cell(f"members_{w}")
        members[:, :, at] = np.where(absent[:, None] | np.isnan(counts).any(1, keepdims=True), np.nan, counts)
        weekday[:, at] = each(f"weekday_days_{w}")
        same = cell(f"weekday_share_{w}") / np.maximum(weekday[:, at], 1)[:, None]
        offset[:, :, at] = np.where(weekday[:, [at]] > 0, same - average, 0.0)
    weight = each("weight")
    return DistributionPanel(
        attribute=attribute, date=np.datetime64(day, "D"), segment_ids=segments, buckets=tuple(map(str, buckets)),
        members=members, recent=cell("weighted_share") / np.maximum(weight, 1e-9)[:, None], offset=offset,
        noise=cell("noise"), inverse_total=each("inverse_sum") / np.maximum(days, 1),
        weight=weight**2 / np.maximum(each("weight_squares"), 1e-9), days=days, weekday_days=weekday,
    )  # fmt: skip
