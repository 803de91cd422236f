-- depends_on: {{ ref('pulse_incidents') }}
-- dbt makes the table, empty; the runner fills it.
select
    cast(null as {{ dbt.type_string() }}) as event_id,
    cast(null as {{ dbt.type_string() }}) as incident_id,
    cast(null as {{ dbt.type_timestamp() }}) as occurred_at,
    cast(null as date) as snapshot_date,
    cast(null as {{ dbt.type_string() }}) as event,
    cast(null as {{ dbt.type_string() }}) as from_status,
    cast(null as {{ dbt.type_string() }}) as to_status,
    cast(null as {{ dbt.type_string() }}) as actor,
    cast(null as {{ dbt.type_string() }}) as reason
where 1 = 0
