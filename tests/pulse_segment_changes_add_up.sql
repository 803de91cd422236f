{{ config(enabled=pulse.pulse_has_entities()) }}

-- gains minus losses is the change of size, for every segment and date that has a date before; and for every chosen earlier date, where the
-- rule was the same. Dates whose changes may have been pruned are left out.
with

changes as (

    select segment_id, snapshot_date, previous_date, is_chosen, sum(case when direction = 'gained' then members else -members end) as net
    from {{ ref('pulse_segment_changes') }}
    group by segment_id, snapshot_date, previous_date, is_chosen

),

snapshots as (

    select * from {{ ref('pulse_segment_snapshots') }}
    where {{ pulse.pulse_kept('pulse_segment_changes') }}

)

select s.segment_id, s.snapshot_date, s.previous_date, s.size, s.previous_size, c.net
from snapshots as s
left join changes as c on c.segment_id = s.segment_id and c.snapshot_date = s.snapshot_date and not c.is_chosen
where s.status = 'ok' and s.previous_date is not null
    and (s.size - s.previous_size <> coalesce(c.net, 0) or s.entered - s.exited <> coalesce(c.net, 0))

union all

select s.segment_id, s.snapshot_date, c.previous_date, s.size, p.size as previous_size, c.net
from changes as c
inner join snapshots as s on s.segment_id = c.segment_id and s.snapshot_date = c.snapshot_date
inner join {{ ref('pulse_segment_snapshots') }} as p on p.segment_id = c.segment_id and p.snapshot_date = c.previous_date
where c.is_chosen and s.status = 'ok' and p.status = 'ok' and p.definition_hash = s.definition_hash and s.size - p.size <> c.net
