{{ config(enabled=pulse.pulse_has_entities()) }}
-- depends_on: {{ ref('pulse_incident_explanations') }}
-- dbt makes the table, empty; the runner fills it.
select
    cast(null as {{ dbt.type_string() }}) as investigation_id,
    cast(null as {{ dbt.type_string() }}) as incident_id,
    cast(null as {{ dbt.type_string() }}) as explanation_id,
    cast(null as date) as snapshot_date,
    cast(null as {{ dbt.type_timestamp() }}) as created_at,
    cast(null as {{ dbt.type_string() }}) as model,
    cast(null as {{ dbt.type_string() }}) as prompt_version,
    cast(null as {{ dbt.type_string() }}) as evidence_hash,
    cast(null as {{ dbt.type_string() }}) as question,
    cast(null as {{ dbt.type_string() }}) as outcome,
    cast(null as {{ dbt.type_string() }}) as reason,
    cast(null as {{ dbt.type_boolean() }}) as is_passing,
    cast(null as {{ dbt.type_string() }}) as verdict,
    cast(null as {{ dbt.type_int() }}) as steps,
    cast(null as {{ dbt.type_int() }}) as request_tokens,
    cast(null as {{ dbt.type_int() }}) as answer_tokens,
    cast(null as double precision) as cost,
    cast(null as double precision) as seconds,
    cast(null as {{ dbt.type_string() }}) as transcript
where 1 = 0
