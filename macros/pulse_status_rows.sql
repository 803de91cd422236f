{# What is stored for a date that cannot be snapshotted: its status and the reason, for every segment, or for the entity. #}
{% macro pulse_status_rows(about, plan) %}
    {%- set reason = plan.reason | replace("'", "''") -%}
    {%- if about.kind == 'facts' -%}
        {%- for segment in about.segments %}
        select
            cast('{{ plan.day }}' as date) as snapshot_date, cast(null as date) as previous_date, '{{ about.entity }}' as entity,
            '{{ segment }}' as segment_id, 'status' as fact, '{{ plan.status }}' as item, '{{ reason }}' as bucket, '' as leaf_columns, cast(null as bigint) as members
        {% if not loop.last %}union all{% endif %}
        {%- endfor -%}
    {%- else -%}
        select
            cast('{{ plan.day }}' as date) as snapshot_date, '{{ about.entity }}' as entity, '(rows)' as column_name, '' as data_type,
            cast(null as bigint) as rows, cast(null as bigint) as nulls, cast(null as bigint) as distinct_count,
            cast(null as varchar) as min_value, cast(null as varchar) as max_value, cast(null as double precision) as mean_value,
            cast(null as bigint) as duplicate_keys, cast(null as bigint) as null_keys, cast(null as varchar) as freshest_at,
            '{{ plan.status }}' as status, '{{ reason }}' as status_reason
    {%- endif -%}
{% endmacro %}
