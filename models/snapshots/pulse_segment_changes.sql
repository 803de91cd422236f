{{ config(pre_hook="{{ pulse_forget_window(pulse.pulse_segment_facts()) }}") }}

with

facts as (

    select * from {{ pulse.pulse_segment_facts() }} as all_facts
    where {{ pulse_in_window(pulse.pulse_segment_facts()) }}

),

changes as (

    select
        cast(segment_id as {{ dbt.type_string() }}) as segment_id,
        snapshot_date,
        previous_date,
        cast(replace(fact, '_since', '') as {{ dbt.type_string() }}) as direction,
        cast(item as {{ dbt.type_string() }}) as cause,
        cast(bucket as {{ dbt.type_string() }}) as detail,
        cast(leaf_columns as {{ dbt.type_string() }}) as columns,
        members,
        fact in ('gained_since', 'lost_since') as is_chosen
    from facts
    where fact in ('gained', 'lost', 'gained_since', 'lost_since')

)

select * from changes
