-- gains minus losses is the change of size, for every segment and date that has a date before
with

changes as (

    select segment_id, snapshot_date, sum(case when direction = 'gained' then members else -members end) as net
    from {{ ref('segment_changes') }}
    group by segment_id, snapshot_date

)

select s.segment_id, s.snapshot_date, s.size, s.previous_size, c.net
from {{ ref('segment_snapshots') }} as s
left join changes as c on c.segment_id = s.segment_id and c.snapshot_date = s.snapshot_date
where s.status = 'ok' and s.previous_date is not null
    and (s.size - s.previous_size <> coalesce(c.net, 0) or s.entered - s.exited <> coalesce(c.net, 0))
