{# What is stored for a date that cannot be snapshotted: its status and the reason, for every segment, or for the entity. #}
{% macro pulse_status_rows(about, plan) %}
    {%- set spec = about.spec -%}
    {%- set day = pulse.pulse_date(plan.day) -%}
    {%- if about.kind != 'facts' -%}
        select
            {{ day }} as snapshot_date, '{{ spec.entity }}' as entity, '(rows)' as column_name, '' as data_type,
            cast(null as bigint) as rows, cast(null as bigint) as nulls, cast(null as bigint) as distinct_count,
            cast(null as varchar) as min_value, cast(null as varchar) as max_value, cast(null as double precision) as mean_value,
            cast(null as bigint) as duplicate_keys, cast(null as bigint) as null_keys, cast(null as varchar) as freshest_at,
            '{{ plan.status }}' as status, {{ pulse.pulse_literal(plan.reason) }} as status_reason,
            '' as item, '' as bucket, cast(null as bigint) as members, cast(null as double precision) as value
    {%- elif not spec.rules -%}
        {{ pulse.pulse_empty(pulse.pulse_fact_columns()) }}
    {%- else -%}
        {%- set segments = spec.rules | map(attribute='segment') | unique | list -%}
        {%- for segment in segments %}
        select
            {{ day }} as snapshot_date, cast(null as date) as previous_date, '{{ spec.entity }}' as entity, '{{ segment }}' as segment_id,
            'status' as fact, '{{ plan.status }}' as item, {{ pulse.pulse_literal(plan.reason) }} as bucket, '' as leaf_columns,
            cast(null as bigint) as members, cast(null as double precision) as amount
        {{ 'union all' if not loop.last }}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
