{# The health of an entity's relation on one date: rows, keys, and every used column, in one pass, and what the values of its columns look like. Arguments as in pulse_fact_steps. #}
{% macro pulse_health_steps(spec, at) %}
    {{ return({'steps': [], 'last': pulse.pulse_health_rows(spec, at)}) }}
{% endmacro %}

{% macro pulse_health_rows(spec, at) %}
    {%- set key = spec.key -%}
    {%- set broken = at.seen.broken -%}
    {%- set ranged = ['number', 'date', 'timestamp'] -%}
    {%- set quantiled = pulse.pulse_profiled(spec, broken, true) %}
with

day_rows as (
    select {{ (([] if key in spec.columns else [pulse.pulse_column(key, none, {}, none, pulse.pulse_names(spec))]) + pulse.pulse_used_columns(spec, broken)) | join(', ') }}
    from {{ at.seen.relation }}
    where {{ pulse.pulse_as_of(spec, pulse.pulse_date(at.day)) }}
),

stats as (
    select
        count(*) as row_count,
        count({{ key }}) as keyed,
        count(distinct {{ key }}) as keys,
        cast({{ 'max(' ~ spec.updated_at ~ ')' if spec.updated_at else 'null' }} as varchar) as freshest_at
        {%- for name, type in spec.columns.items() %},
        count({{ name }}) as {{ name }}__filled,
        count(distinct {{ name }}) as {{ name }}__distinct
        {%- if type in ranged %},
        cast(min({{ name }}) as varchar) as {{ name }}__min,
        cast(max({{ name }}) as varchar) as {{ name }}__max
        {%- endif -%}
        {%- if type == 'number' %},
        {{ pulse.pulse_mean_part(name) }} as {{ name }}__mean
        {%- endif -%}
        {%- if type in ranged and name in quantiled %},
        {{ pulse.pulse_quantiles(name, pulse.pulse_quantile_value(name, type, at.day), pulse.pulse_profile_shares()) }}
        {%- endif -%}
        {%- endfor %}
    from day_rows
),

{{ pulse.pulse_profile_ctes(spec, at) }}
health as (
    select
        '(rows)' as column_name, '' as data_type, row_count as rows, cast(null as bigint) as nulls, keys as distinct_count,
        cast(null as varchar) as min_value, cast(null as varchar) as max_value, cast(null as double precision) as mean_value,
        keyed - keys as duplicate_keys, row_count - keyed as null_keys, freshest_at, 'ok' as status, '' as status_reason
    from stats
    {%- for name, type in spec.columns.items() %}
    union all
    select
        '{{ name }}', '{{ at.seen.types.get(spec.get('names', {}).get(name, name) | lower, "" if at.seen.types else type) }}', row_count, row_count - {{ name }}__filled, {{ name }}__distinct,
        {{ name ~ '__min, ' ~ name ~ '__max' if type in ranged else 'null, null' }}, {{ pulse.pulse_mean(name ~ '__mean') if type == 'number' else 'null' }},
        null, null, null, '{{ "broken" if name in broken else "ok" }}', {{ pulse.pulse_literal(pulse.pulse_broken_reason(broken, [name])) }}
    from stats
    {%- endfor %}
),

profiles as (
    {{ pulse.pulse_profile_select(spec, at) | indent(4) }}
),

every_row as (
    select health.*, '' as item, '' as bucket, cast(null as bigint) as members, cast(null as double precision) as value from health
    union all
    select
        profiles.column_name, '', stats.row_count, null, null, null, null, null, null, null, null, 'ok', '',
        profiles.item, profiles.bucket, profiles.members, profiles.value
    from profiles
    cross join stats
)

select
    {{ pulse.pulse_date(at.day) }} as snapshot_date,
    '{{ spec.entity }}' as entity,
    column_name,
    cast(data_type as varchar) as data_type,
    rows,
    nulls,
    distinct_count,
    min_value,
    max_value,
    mean_value,
    duplicate_keys,
    null_keys,
    freshest_at,
    cast(status as varchar) as status,
    cast(status_reason as varchar) as status_reason,
    cast(item as varchar) as item,
    cast(bucket as varchar) as bucket,
    members,
    value
from every_row
{%- endmacro %}
