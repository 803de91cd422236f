{{ config(enabled=pulse.pulse_has_entities()) }}
-- depends_on: {{ ref('pulse_incidents') }}
-- dbt makes the table, empty; the runner fills it.
select
    cast(null as {{ dbt.type_string() }}) as entry_id,
    cast(null as {{ dbt.type_string() }}) as kind,
    cast(null as {{ dbt.type_string() }}) as node_id,
    cast(null as {{ dbt.type_string() }}) as node,
    cast(null as {{ dbt.type_string() }}) as resource_type,
    cast(null as {{ dbt.type_string() }}) as path,
    cast(null as date) as seen_on,
    cast(null as {{ dbt.type_timestamp() }}) as seen_at,
    cast(null as {{ dbt.type_string() }}) as code_hash,
    cast(null as {{ dbt.type_string() }}) as code,
    cast(null as {{ dbt.type_string() }}) as about,
    cast(null as {{ dbt.type_string() }}) as commit_id,
    cast(null as date) as authored_on,
    cast(null as {{ dbt.type_string() }}) as subject
where 1 = 0
