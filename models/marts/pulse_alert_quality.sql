{{ config(enabled=pulse.pulse_has_entities()) }}

with

incident_times as (

    select * from {{ ref('pulse_incident_times') }}

),

counted as (

    select
        owner,
        entity,
        segment_id,
        detector,
        count(*) as incidents,
        sum(case when status = 'resolved' then 1 else 0 end) as resolved,
        sum(case when acknowledged_at is not null then 1 else 0 end) as acknowledged,
        sum(is_false_alarm) as false_alarms,
        sum(hours_to_acknowledge) as hours_to_acknowledge,
        sum(hours_to_resolve) as hours_to_resolve
    from incident_times
    group by owner, entity, segment_id, detector

),

pulse_alert_quality as (

    select
        owner,
        entity,
        segment_id,
        detector,
        incidents,
        resolved,
        acknowledged,
        false_alarms,
        cast(false_alarms as double precision) / nullif(resolved, 0) as false_alarm_rate,
        cast(hours_to_acknowledge as double precision) / nullif(acknowledged, 0) as mean_hours_to_acknowledge,
        cast(hours_to_resolve as double precision) / nullif(resolved, 0) as mean_hours_to_resolve
    from counted

)

select * from pulse_alert_quality
