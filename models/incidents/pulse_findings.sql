-- depends_on: {{ ref('pulse_segment_snapshots') }} {{ ref('pulse_segment_distributions') }} {{ ref('pulse_segment_reach') }} {{ ref('pulse_entity_health') }}
-- dbt makes the table, empty; the runner fills it.
select
    cast(null as {{ dbt.type_string() }}) as entity,
    cast(null as {{ dbt.type_string() }}) as segment_id,
    cast(null as date) as snapshot_date,
    cast(null as {{ dbt.type_string() }}) as detector,
    cast(null as {{ dbt.type_string() }}) as metric,
    cast(null as {{ dbt.type_string() }}) as attribute,
    cast(null as {{ dbt.type_string() }}) as bucket,
    cast(null as {{ dbt.type_string() }}) as verdict,
    cast(null as {{ dbt.type_string() }}) as severity,
    cast(null as {{ dbt.type_string() }}) as direction,
    cast(null as double precision) as observed,
    cast(null as double precision) as expected,
    cast(null as double precision) as lower_bound,
    cast(null as double precision) as upper_bound,
    cast(null as double precision) as effect,
    cast(null as double precision) as p_value,
    cast(null as double precision) as q_value,
    cast(null as double precision) as threshold,
    cast(null as date) as started_on,
    cast(null as {{ dbt.type_string() }}) as incident_id,
    cast(null as {{ dbt.type_string() }}) as reason
where 1 = 0
