{{ config(enabled=pulse.pulse_has_entities(), pre_hook="{{ pulse_forget_window(pulse.pulse_segment_facts()) }}") }}

with

facts as (

    select * from {{ pulse.pulse_segment_facts() }} as all_facts
    where {{ pulse_in_window(pulse.pulse_segment_facts()) }}
        and fact in ('ladder_rule', 'ladder_eligible', 'ladder_reachable', 'ladder_synced', 'ladder_accepted')

),

ladder as (

    select
        cast(segment_id as {{ dbt.type_string() }}) as segment_id,
        snapshot_date,
        cast(item as {{ dbt.type_string() }}) as channel,
        cast(substr(fact, 8) as {{ dbt.type_string() }}) as step,
        cast(bucket as {{ dbt.type_string() }}) as reason,
        members,
        cast(
            members * 1.0 / nullif(sum(members) over (partition by segment_id, snapshot_date, item, fact), 0) as double precision
        ) as share
    from facts

)

select * from ladder
