-- depends_on: {{ ref('pulse_incidents') }}
-- dbt makes the table, empty; the runner fills it.
select
    cast(null as {{ dbt.type_string() }}) as explanation_id,
    cast(null as {{ dbt.type_string() }}) as incident_id,
    cast(null as {{ dbt.type_int() }}) as version,
    cast(null as date) as snapshot_date,
    cast(null as {{ dbt.type_timestamp() }}) as created_at,
    cast(null as {{ dbt.type_string() }}) as source,
    cast(null as {{ dbt.type_string() }}) as model,
    cast(null as {{ dbt.type_string() }}) as headline,
    cast(null as {{ dbt.type_string() }}) as summary,
    cast(null as {{ dbt.type_string() }}) as hypotheses,
    cast(null as {{ dbt.type_string() }}) as recommendations,
    cast(null as {{ dbt.type_string() }}) as evidence,
    cast(null as {{ dbt.type_string() }}) as evidence_hash,
    cast(null as {{ dbt.type_string() }}) as rejected
where 1 = 0
