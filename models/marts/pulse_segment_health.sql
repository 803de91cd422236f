{{ config(enabled=pulse.pulse_has_entities()) }}

with

snapshots as (

    select
        *,
        row_number() over (partition by segment_id order by snapshot_date desc) as newest
    from {{ ref('pulse_segment_snapshots') }}

),

definitions as (

    select * from {{ ref('pulse_segment_definitions') }}

),

open_incidents as (

    select segment_id, count(*) as open_incidents from {{ ref('pulse_open_incidents') }} group by segment_id

),

pulse_segment_health as (

    select
        snapshots.segment_id,
        definitions.label,
        definitions.owner,
        definitions.rule_text,
        snapshots.snapshot_date,
        snapshots.size,
        snapshots.entered,
        snapshots.exited,
        snapshots.conversion_rate,
        snapshots.inactive_rate,
        snapshots.status,
        snapshots.status_reason,
        coalesce(open_incidents.open_incidents, 0) as open_incidents
    from snapshots
    left join definitions on definitions.segment_id = snapshots.segment_id
    left join open_incidents on open_incidents.segment_id = snapshots.segment_id
    where snapshots.newest = 1

)

select * from pulse_segment_health
