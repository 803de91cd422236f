{{ config(pre_hook="{{ pulse_forget_window(pulse.pulse_segment_facts()) }}") }}

with

facts as (

    select * from {{ pulse.pulse_segment_facts() }} as all_facts
    where {{ pulse_in_window(pulse.pulse_segment_facts()) }}

),

definitions as (

    select * from {{ pulse.pulse_segment_definitions() }} as all_definitions

),

pivoted as (

    select
        segment_id,
        snapshot_date,
        max(entity) as entity,
        max(previous_date) as previous_date,
        max(case when fact = 'status' then item end) as status,
        max(case when fact = 'status' then bucket end) as status_reason,
        sum(case when fact = 'members' then members end) as size,
        sum(case when fact = 'previous_members' then members end) as previous_size,
        sum(case when fact = 'entered' then members end) as entered,
        sum(case when fact = 'exited' then members end) as exited,
        sum(case when fact = 'eligible' then members end) as eligible,
        sum(case when fact = 'converted' then members end) as converted,
        sum(case when fact = 'inactive' then members end) as inactive,
        sum(case when fact = 'revenue' then amount end) as revenue
    from facts
    where segment_id <> ''
    group by segment_id, snapshot_date

),

snapshots as (

    select
        cast(pivoted.segment_id as {{ dbt.type_string() }}) as segment_id,
        pivoted.snapshot_date,
        cast(pivoted.entity as {{ dbt.type_string() }}) as entity,
        cast(definitions.definition_hash as {{ dbt.type_string() }}) as definition_hash,
        pivoted.previous_date,
        cast(pivoted.size as {{ dbt.type_bigint() }}) as size,
        cast(pivoted.previous_size as {{ dbt.type_bigint() }}) as previous_size,
        cast(pivoted.entered as {{ dbt.type_bigint() }}) as entered,
        cast(pivoted.exited as {{ dbt.type_bigint() }}) as exited,
        cast(
            (pivoted.size - pivoted.previous_size) * 1.0
            / nullif({{ dbt.datediff('pivoted.previous_date', 'pivoted.snapshot_date', 'day') }}, 0) as double precision
        ) as velocity,
        cast(pivoted.eligible as {{ dbt.type_bigint() }}) as eligible,
        cast(pivoted.converted as {{ dbt.type_bigint() }}) as converted,
        cast(pivoted.converted * 1.0 / nullif(pivoted.eligible, 0) as double precision) as conversion_rate,
        cast(pivoted.inactive as {{ dbt.type_bigint() }}) as inactive,
        cast(pivoted.inactive * 1.0 / nullif(pivoted.size, 0) as double precision) as inactive_rate,
        cast(pivoted.revenue as double precision) as revenue,
        cast(pivoted.revenue / nullif(pivoted.size, 0) as double precision) as revenue_per_member,
        cast(pivoted.status as {{ dbt.type_string() }}) as status,
        cast(pivoted.status_reason as {{ dbt.type_string() }}) as status_reason
    from pivoted
    left join definitions on definitions.segment_id = pivoted.segment_id

)

select * from snapshots
