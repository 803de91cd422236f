{{ config(pre_hook="{{ pulse_forget_window(pulse.pulse_column_facts()) }}") }}

with

health as (

    select * from {{ pulse.pulse_column_facts() }} as all_health
    where {{ pulse_in_window(pulse.pulse_column_facts()) }}
        and coalesce(item, '') = '' -- the others are of pulse_column_profiles

),

shares as (

    select
        cast(entity as {{ dbt.type_string() }}) as entity,
        snapshot_date,
        cast(column_name as {{ dbt.type_string() }}) as column_name,
        cast(data_type as {{ dbt.type_string() }}) as data_type,
        rows,
        nulls,
        cast(nulls * 1.0 / nullif(rows, 0) as double precision) as null_share,
        distinct_count,
        cast(min_value as {{ dbt.type_string() }}) as min_value,
        cast(max_value as {{ dbt.type_string() }}) as max_value,
        cast(mean_value as double precision) as mean_value,
        duplicate_keys,
        null_keys,
        cast(freshest_at as {{ dbt.type_string() }}) as freshest_at,
        cast(status as {{ dbt.type_string() }}) as status,
        cast(status_reason as {{ dbt.type_string() }}) as status_reason
    from health

)

select * from shares
