{{ config(enabled=pulse.pulse_has_entities(), pre_hook="{{ pulse_forget_window(pulse.pulse_column_facts()) }}") }}

with

facts as (

    select * from {{ pulse.pulse_column_facts() }} as all_facts
    where {{ pulse_in_window(pulse.pulse_column_facts()) }}
        and item in ('value', 'age', 'quantile')

),

shares as (

    select
        cast(entity as {{ dbt.type_string() }}) as entity,
        snapshot_date,
        cast(column_name as {{ dbt.type_string() }}) as column_name,
        cast(item as {{ dbt.type_string() }}) as item,
        cast(bucket as {{ dbt.type_string() }}) as bucket,
        members,
        cast(members * 1.0 / nullif(rows, 0) as double precision) as share,
        cast(value as double precision) as value
    from facts

)

select * from shares
