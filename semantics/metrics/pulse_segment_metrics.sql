-- One row per segment and date that was counted, with what the segment is called and who owns it now.
with

snapshots as (

    select * from {{ ref('pulse', 'pulse_segment_snapshots') }} where status = 'ok'

),

definitions as (

    select * from {{ ref('pulse', 'pulse_segments') }} where valid_to is null

),

segment_metrics as (

    select
        snapshots.segment_id,
        definitions.label,
        definitions.owner,
        snapshots.entity,
        snapshots.snapshot_date,
        snapshots.size,
        snapshots.entered,
        snapshots.exited,
        snapshots.eligible,
        snapshots.converted,
        snapshots.inactive,
        snapshots.revenue
    from snapshots
    left join definitions on definitions.segment_id = snapshots.segment_id

)

select * from segment_metrics
