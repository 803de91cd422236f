{{ config(pre_hook="{{ pulse_forget_window(pulse.pulse_segment_facts()) }}") }}

with

facts as (

    select * from {{ pulse.pulse_segment_facts() }} as all_facts
    where {{ pulse_in_window(pulse.pulse_segment_facts()) }}

),

flows as (

    select
        snapshot_date,
        previous_date,
        cast(case when fact = 'flow_to' then segment_id else item end as {{ dbt.type_string() }}) as from_segment,
        cast(case when fact = 'flow_to' then item else segment_id end as {{ dbt.type_string() }}) as to_segment,
        members
    from facts
    where fact in ('flow_to', 'flow_from')

)

select * from flows
