{# Condition for data tests: a snapshot date is one that `pulse prune` keeps rows of in the table; always, where the var pulse_keep_days does not name it. #}
{% macro pulse_kept(table) %}
    {%- set days = (var('pulse_keep_days', none) or {}).get(table) -%}
    {%- if days is none -%}{{ return('1 = 1') }}{%- endif -%}
    {{ return('snapshot_date >= (select ' ~ dbt.dateadd('day', -(days | int), 'max(newest.snapshot_date)') ~ ' from ' ~ ref('pulse_segment_snapshots') ~ ' as newest)') }}
{% endmacro %}
