{{ config(pre_hook="{{ pulse_forget_window(pulse.pulse_segment_facts()) }}") }}

with

facts as (

    select * from {{ pulse.pulse_segment_facts() }} as all_facts
    where {{ pulse_in_window(pulse.pulse_segment_facts()) }}

),

sizes as (

    select segment_id, snapshot_date, sum(members) as size
    from facts
    where fact = 'members'
    group by segment_id, snapshot_date

),

distributions as (

    select
        cast(facts.segment_id as {{ dbt.type_string() }}) as segment_id,
        facts.snapshot_date,
        cast(facts.item as {{ dbt.type_string() }}) as attribute,
        cast(facts.bucket as {{ dbt.type_string() }}) as bucket,
        facts.members,
        cast(facts.members * 1.0 / nullif(sizes.size, 0) as double precision) as share
    from facts
    inner join sizes on sizes.segment_id = facts.segment_id and sizes.snapshot_date = facts.snapshot_date
    where facts.fact = 'distribution'

)

select * from distributions
