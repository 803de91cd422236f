{{ config(enabled=pulse.pulse_has_entities()) }}

with

incidents as (

    select * from {{ ref('pulse_incidents') }}

),

explanations as (

    select
        *,
        row_number() over (partition by incident_id order by version desc) as newest
    from {{ ref('pulse_incident_explanations') }}

),

open_incidents as (

    select
        incidents.incident_id,
        incidents.number,
        incidents.severity,
        incidents.status,
        incidents.segment_id,
        incidents.entity,
        incidents.owner,
        incidents.title,
        incidents.detector,
        incidents.started_on,
        incidents.last_seen_on,
        incidents.effect,
        explanations.headline,
        explanations.summary
    from incidents
    left join explanations on explanations.incident_id = incidents.incident_id and explanations.newest = 1
    where incidents.status in ('open', 'acknowledged')

)

select * from open_incidents
