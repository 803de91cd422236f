{# The rule that each segment was snapshotted with on a date: (segment_id, rule_hash), from the model's own rows. #}
{% macro pulse_stored_rules(day) %}
    {%- if pulse.pulse_is_built() -%}
        select segment_id, item as rule_hash from {{ this }} where fact = 'rule' and snapshot_date = {{ pulse.pulse_date(day) }}
    {%- else -%}
        select '' as segment_id, '' as rule_hash where 1 = 0
    {%- endif -%}
{% endmacro %}
