{{ config(enabled=pulse.pulse_has_entities()) }}
-- depends_on: {{ ref('pulse_incidents') }}
-- dbt makes the table, empty; the runner fills it.
select
    cast(null as {{ dbt.type_string() }}) as silence_id,
    cast(null as {{ dbt.type_string() }}) as scope,
    cast(null as {{ dbt.type_string() }}) as reason,
    cast(null as {{ dbt.type_string() }}) as created_by,
    cast(null as {{ dbt.type_timestamp() }}) as created_at,
    cast(null as {{ dbt.type_timestamp() }}) as ends_at,
    cast(null as {{ dbt.type_timestamp() }}) as ended_at,
    cast(null as {{ dbt.type_string() }}) as ended_by
where 1 = 0
