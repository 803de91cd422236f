{{ config(enabled=pulse.pulse_has_entities()) }}

with

incidents as (

    select * from {{ ref('pulse_incidents') }}

),

events as (

    select * from {{ ref('pulse_incident_events') }}

),

people as (

    select
        incident_id,
        min(case when event = 'acknowledged' then occurred_at end) as acknowledged_at,
        max(case when to_status = 'resolved' and from_status <> 'resolved' then occurred_at end) as last_resolved_at
    from events
    group by incident_id

),

pulse_incident_times as (

    select
        incidents.incident_id,
        incidents.number,
        incidents.owner,
        incidents.entity,
        incidents.segment_id,
        incidents.detector,
        incidents.severity,
        incidents.status,
        incidents.resolution,
        incidents.started_on,
        incidents.created_at as opened_at,
        people.acknowledged_at,
        case when incidents.status = 'resolved' then people.last_resolved_at end as resolved_at,
        {{ dbt.datediff('incidents.created_at', 'people.acknowledged_at', 'second') }} / 3600.0 as hours_to_acknowledge,
        case
            when incidents.status = 'resolved'
                then {{ dbt.datediff('incidents.created_at', 'people.last_resolved_at', 'second') }} / 3600.0
        end as hours_to_resolve,
        case when incidents.resolution = 'false_alarm' then 1 else 0 end as is_false_alarm
    from incidents
    left join people on people.incident_id = incidents.incident_id

)

select * from pulse_incident_times
