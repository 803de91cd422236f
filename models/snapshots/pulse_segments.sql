{{ config(pre_hook="{{ pulse_remember_versions() }}") }}

{#- Versions are kept by appending: a definition that differs from the newest version of its segment is a new one. The version before
    it, and that of a segment without a definition, is closed by the pre-hook. -#}
with

definitions as (

    select * from {{ pulse.pulse_segment_definitions() }} as all_definitions

),

{% if is_incremental() %}
newest as (

    select segment_id, max(version) as version from {{ this }} group by segment_id

),

changed as (

    select definitions.*, coalesce(newest.version, 0) + 1 as version
    from definitions
    left join newest on newest.segment_id = definitions.segment_id
    -- not a left join with `is null`: over a CTE that is read twice, DuckDB 2.0.0 loses the condition on valid_to
    where not exists (
        select 1 from {{ this }} as kept where kept.segment_id = definitions.segment_id and kept.valid_to is null
    )

),
{% else %}
changed as (

    select definitions.*, 1 as version from definitions

),
{% endif %}

versions as (

    select
        cast(segment_id as {{ dbt.type_string() }}) as segment_id,
        cast(version as {{ dbt.type_int() }}) as version,
        cast(label as {{ dbt.type_string() }}) as label,
        cast(description as {{ dbt.type_string() }}) as description,
        cast(entity as {{ dbt.type_string() }}) as entity,
        cast(owner as {{ dbt.type_string() }}) as owner,
        enabled,
        cast(rule_text as {{ dbt.type_string() }}) as rule_text,
        cast(definition_hash as {{ dbt.type_string() }}) as definition_hash,
        cast(alerts as {{ dbt.type_string() }}) as alerts,
        cast(thresholds as {{ dbt.type_string() }}) as thresholds,
        cast('{{ pulse_window()[0] }}' as date) as valid_from,
        cast(null as date) as valid_to
    from changed

)

select * from versions
