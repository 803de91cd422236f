{{ config(enabled=pulse.pulse_has_entities()) }}

-- For every segment and date: members that left to '(any)' and '(none)' are `exited`, those that came from them are `entered`. A pair of
-- segments is part of the '(any)' of both, and the pairs of a segment cover its '(any)': who moved to two segments is in two pairs. Dates whose
-- flows may have been pruned are left out.
with

flows as (

    select * from {{ ref('pulse_segment_flows') }}
    where {{ pulse.pulse_kept('pulse_segment_flows') }}

),

snapshots as (

    select * from {{ ref('pulse_segment_snapshots') }}
    where {{ pulse.pulse_kept('pulse_segment_flows') }}

),

sides as (

    select 'left' as side, from_segment as segment_id, snapshot_date, to_segment as other, members from flows
    union all
    select 'arrived' as side, to_segment as segment_id, snapshot_date, from_segment as other, members from flows

),

moved as (

    select
        side,
        segment_id,
        snapshot_date,
        sum(case when other in ('(any)', '(none)') then members else 0 end) as members,
        sum(case when other = '(any)' then members else 0 end) as any_members,
        sum(case when other not in ('(any)', '(none)') then members else 0 end) as in_pairs,
        max(case when other not in ('(any)', '(none)') then members else 0 end) as largest_pair
    from sides
    where segment_id not in ('(any)', '(none)')
    group by side, segment_id, snapshot_date

),

counted as (

    select 'left' as side, segment_id, snapshot_date, exited as members from snapshots
    union all
    select 'arrived' as side, segment_id, snapshot_date, entered as members from snapshots

)

select
    coalesce(counted.side, moved.side) as side,
    coalesce(counted.segment_id, moved.segment_id) as segment_id,
    coalesce(counted.snapshot_date, moved.snapshot_date) as snapshot_date,
    counted.members as counted,
    moved.members as moved,
    moved.any_members,
    moved.in_pairs,
    moved.largest_pair
from counted
full join moved
    on moved.side = counted.side and moved.segment_id = counted.segment_id and moved.snapshot_date = counted.snapshot_date
where coalesce(counted.members, 0) <> coalesce(moved.members, 0)
    or moved.largest_pair > moved.any_members
    or moved.in_pairs < moved.any_members
