{# The body of a compiled `pulse_<entity>__segments` model: one row per segment as it is defined now. #}
{% macro pulse_definitions(entity, segments) %}
    {%- for s in segments %}
select
    '{{ s.segment }}' as segment_id,
    {{ pulse.pulse_literal(s.label) }} as label,
    {{ pulse.pulse_literal(s.description) }} as description,
    '{{ entity }}' as entity,
    {{ pulse.pulse_literal(s.owner) }} as owner,
    {{ s.enabled | string | lower }} as enabled,
    {{ pulse.pulse_literal(s.rule) }} as rule_text,
    '{{ s.hash }}' as definition_hash,
    {{ pulse.pulse_literal(s.alerts) }} as alerts,
    {{ pulse.pulse_literal(s.thresholds) }} as thresholds
{{ 'union all' if not loop.last }}
    {%- else %}
{{ pulse.pulse_empty(pulse.pulse_definition_columns()) }}
    {%- endfor %}
{%- endmacro %}

{# All rows of one kind of compiled model (facts, health or segments) over the entities of the project, which the var pulse_entities lists;
   without an entity, the typed columns and no row. #}
{% macro pulse_of_all_entities(kind, columns) %}
    {%- set entities = var('pulse_entities', []) -%}
    {%- for entity in entities %}
select {{ columns | join(', ') }} from {{ ref('pulse_' ~ entity ~ '__' ~ kind) }}
{{ 'union all' if not loop.last }}
    {%- else %}
{{ pulse.pulse_empty(columns) }}
    {%- endfor %}
{%- endmacro %}
