-- depends_on: {{ ref('pulse_incidents') }}
-- dbt makes the table, empty; the runner fills it.
select
    cast(null as {{ dbt.type_string() }}) as delivery_id,
    cast(null as {{ dbt.type_string() }}) as incident_id,
    cast(null as {{ dbt.type_string() }}) as notification,
    cast(null as {{ dbt.type_string() }}) as route,
    cast(null as {{ dbt.type_string() }}) as channel,
    cast(null as {{ dbt.type_string() }}) as target,
    cast(null as {{ dbt.type_string() }}) as status,
    cast(null as {{ dbt.type_int() }}) as attempts,
    cast(null as {{ dbt.type_string() }}) as reason,
    cast(null as {{ dbt.type_string() }}) as subject,
    cast(null as {{ dbt.type_string() }}) as body,
    cast(null as {{ dbt.type_string() }}) as idempotency_key,
    cast(null as date) as snapshot_date,
    cast(null as {{ dbt.type_timestamp() }}) as planned_at,
    cast(null as {{ dbt.type_timestamp() }}) as sent_at,
    cast(null as {{ dbt.type_string() }}) as receipt
where 1 = 0
