-- dbt makes the table, empty; the runner fills it.
select
    cast(null as {{ dbt.type_string() }}) as run_id,
    cast(null as {{ dbt.type_string() }}) as stage,
    cast(null as date) as from_date,
    cast(null as date) as to_date,
    cast(null as {{ dbt.type_timestamp() }}) as started_at,
    cast(null as {{ dbt.type_timestamp() }}) as finished_at,
    cast(null as double precision) as seconds,
    cast(null as {{ dbt.type_string() }}) as outcome,
    cast(null as {{ dbt.type_string() }}) as counts,
    cast(null as {{ dbt.type_string() }}) as message
where 1 = 0
