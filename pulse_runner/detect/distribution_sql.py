"""The aggregates of a distribution's baseline, made in the warehouse: the runner never pulls days of buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors.engine.distribution_baseline import HALF_LIFE, TESTED, TRAIL, WINDOW
from pulse_runner.detectors.panel import DistributionPanel
from pulse_runner.segments.people import REFUSED

SCALE = "cast(1e15 as double precision)"
W = range(TESTED)  # 0 is the tested date, 1 the day before
PER_BUCKET = (
    *(f"members_{w}" for w in W), *(f"weekday_share_{w}" for w in W), "weighted_share", "share_sum", "noise",
)  # fmt: skip
PER_SEGMENT = (*(f"weekday_days_{w}" for w in W), "days", "weight", "weight_squares", "inverse_sum")


def baseline_days(day: date) -> tuple[date, date]:
    """Return the first and the last day that the baseline of `day` can learn from."""
    return day - timedelta(days=TESTED + WINDOW - 1), day - timedelta(days=TESTED)


def baseline_sql(first: date, last: date, distributions: str, excluded: str) -> str:
    """Return a SELECT with one row per date, segment, attribute and bucket: counts of the tested days and baseline aggregates.

    The dates are those from `first` to `last`; the rows of each are what they would be if it were asked for alone.
    `distributions` names pulse_segment_distributions. `excluded` is a SELECT of (segment_id, attribute, from_date, to_date): days to
    leave out of the baseline, attribute '' for all; it may hold placeholders, as it stands in the statement once. A level that
    was accepted on a date is excluded days before it. A day counts for an attribute when it has rows: one that was declared last
    week has a week of history. Runs on DuckDB and Postgres; dates subtract to days there. All numbers are double precision.

    Shares and weights are added up as whole numbers of SCALE parts: a sum of floating-point numbers depends on their order, and
    a warehouse that works in parallel has another order each time.
    """
    dates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    reach = TESTED + WINDOW - 1
    one = "cast(1 as double precision)"
    trail = f"order by age range between 1 following and {TRAIL} following"

    def parts(value: str) -> str:
        return f"cast(round(({value}) * {SCALE}) as bigint)"

    def number(whole: str) -> str:
        return f"cast({whole} as double precision) / {SCALE}"

    def learned(value: str) -> str:
        return number(f"sum(case when learn then {parts(value)} else 0 end)")

    def weekday(value: str, w: int) -> str:
        return f"sum(case when learn and mod(age - {w}, 7) = 0 then {value} else 0 end)"

    tried = "learn and trail_days >= 3"
    apart = f"abs({number('share')} - {number('trail_share')} / trail_days) / sqrt(1 + {one} / trail_days)"
    return f"""
with excluded as (
  {excluded}
), dates as (
  {" union all ".join(f"select date '{d}' as day" for d in dates)}
), counts as (
  select t.day, d.segment_id, d.attribute, d.bucket, t.day - d.snapshot_date as age, cast(d.members as double precision) as members
  from {distributions} as d join dates as t on t.day - d.snapshot_date between 0 and {reach}
  where d.snapshot_date between date '{baseline_days(first)[0]}' and date '{last}' and d.bucket <> '{REFUSED}'
), keys as ( -- numbers in the place of names: the long joins and sorts are over these
  select day, segment_id, attribute, bucket, dense_rank() over (order by day, segment_id, attribute) as series,
    row_number() over (order by day, segment_id, attribute, bucket) as cell
  from (select distinct day, segment_id, attribute, bucket from counts) as b
), names as (
  select distinct series, day, segment_id, attribute from keys
), filled as (
  select k.series, k.cell, c.age, c.members from counts as c
  join keys as k on k.day = c.day and k.segment_id = c.segment_id and k.attribute = c.attribute and k.bucket = c.bucket
), totals as (
  select series, age, sum(members) as size from filled group by series, age
), days as (
  select t.series, t.age, t.size,
    power(cast(0.5 as double precision), (t.age - {TESTED}) / cast({HALF_LIFE} as double precision)) as fade,
    t.age >= {TESTED} and t.size > 0 and not exists (
      select 1 from excluded as e join names as n on n.segment_id = e.segment_id and e.attribute in ('', n.attribute)
      where n.series = t.series and n.day - cast(t.age as integer) between e.from_date and e.to_date
    ) as learn
  from totals as t
), trailed_days as (
  select series, age, size, fade, learn, sum(case when learn then 1 else 0 end) over (partition by series {trail}) as trail_days
  from days
), series as (
  select series, sum(case when learn then {one} else 0 end) as days, {learned("fade")} as weight,
    {learned("fade * fade")} as weight_squares,
    {learned("1 / size")} as inverse_sum, {", ".join(f"{weekday(one, w)} as weekday_days_{w}" for w in W)}
  from days group by series
), grid as (
  select k.cell, d.age, d.fade, d.learn, d.trail_days, coalesce(f.members, 0) as members,
    case when d.learn then {parts("coalesce(f.members, 0) / d.size")} else 0 end as share
  from keys as k
  join trailed_days as d on d.series = k.series
  left join filled as f on f.cell = k.cell and f.age = d.age
), trailed as (
  select cell, age, fade, learn, trail_days, members, share, sum(share) over (partition by cell {trail}) as trail_share from grid
), cells as (
  select cell, {", ".join(f"max(case when age = {w} then members end) as members_{w}" for w in W)},
    {", ".join(f"{number(weekday('share', w))} as weekday_share_{w}" for w in W)},
    {number(f"sum({parts(number('share') + ' * fade')})")} as weighted_share, {number("sum(share)")} as share_sum,
    coalesce({number(f"sum(case when {tried} then {parts(apart)} end)")} / sum(case when {tried} then {one} end), 0) as noise
  from trailed group by cell
)
select k.day as tested_date, k.segment_id, k.attribute, k.bucket, {", ".join(f"c.{name}" for name in PER_BUCKET)},
  {", ".join(f"s.{name}" for name in PER_SEGMENT)}
from keys as k
join cells as c on c.cell = k.cell
join series as s on s.series = k.series
order by k.cell"""


def panels(frame: pd.DataFrame, day: date, watched: Mapping[str, Sequence[str]]) -> dict[str, DistributionPanel]:
    """Return one panel per attribute from the rows of `baseline_sql`, over the segments that `watched` lists for it.

    A bucket that a segment never had stays at zero; a segment without any row has no days and NaN counts. Attributes without
    a row of any watched segment are left out.
    """
    cells, totals = frame[list(PER_BUCKET)].to_numpy(float), frame[list(PER_SEGMENT)].to_numpy(float)
    codes, attributes = pd.factorize(frame["attribute"], sort=True)
    out = {}
    for code, attribute in enumerate(attributes):
        segments = tuple(watched.get(attribute, ()))
        rows = np.flatnonzero(codes == code)
        s = pd.Index(segments, dtype=object).get_indexer(frame["segment_id"].to_numpy(object)[rows])
        rows, s = rows[s >= 0], s[s >= 0]
        if len(rows):
            k, buckets = pd.factorize(frame["bucket"].to_numpy(object)[rows], sort=True)
            cell = np.zeros((len(segments), len(buckets), len(PER_BUCKET)))
            cell[s, k] = cells[rows]
            each = np.full((len(segments), len(PER_SEGMENT)), np.nan)
            each[s] = totals[rows]
            out[attribute] = _panel(attribute, day, segments, tuple(buckets), cell, each)
    return out


def _panel(
    attribute: str, day: date, segments: tuple[str, ...], buckets: tuple[str, ...], cell: Floats, each: Floats
) -> DistributionPanel:
    """Return the panel from `cell` (S, K, PER_BUCKET) and `each` (S, PER_SEGMENT), NaN for a segment without rows."""
    bucket = {name: cell[:, :, i] for i, name in enumerate(PER_BUCKET)}
    absent: Bools = np.asarray(np.isnan(each).all(1))
    segment = {name: np.where(absent, 0.0, each[:, i]) for i, name in enumerate(PER_SEGMENT)}
    days, weight = segment["days"], segment["weight"]
    average = bucket["share_sum"] / np.maximum(days, 1)[:, None]
    members, offset = np.zeros((*cell.shape[:2], TESTED)), np.zeros((*cell.shape[:2], TESTED))
    weekday = np.stack([segment[f"weekday_days_{w}"] for w in reversed(W)], axis=1)
    for w in W:
        at = TESTED - 1 - w
        counts = bucket[f"members_{w}"]
        unknown: Bools = np.asarray(absent | np.isnan(counts).any(1))
        members[:, :, at] = np.where(unknown[:, None], np.nan, counts)
        same = bucket[f"weekday_share_{w}"] / np.maximum(weekday[:, at], 1)[:, None]
        offset[:, :, at] = np.where(weekday[:, [at]] > 0, same - average, 0.0)
    return DistributionPanel(
        attribute=attribute, date=np.datetime64(day, "D"), segment_ids=segments, buckets=buckets, members=members,
        recent=bucket["weighted_share"] / np.maximum(weight, 1e-9)[:, None], offset=offset, noise=bucket["noise"],
        inverse_total=segment["inverse_sum"] / np.maximum(days, 1),
        weight=weight**2 / np.maximum(segment["weight_squares"], 1e-9), days=days, weekday_days=weekday,
    )  # fmt: skip
