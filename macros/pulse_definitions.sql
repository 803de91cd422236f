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

{# Whether the project has an entity. Before, the views over all entities, the marts and the tests of Pulse are switched off: there is nothing
   in them. The tables are there from the first build on. #}
{% macro pulse_has_entities() %}{{ return(var('pulse_entities', []) | length > 0) }}{% endmacro %}

{# What a table reads: the view over all entities of this name, or where there is no entity, and so no view, its columns and no row. #}
{% macro pulse_view_of_all(name, columns) %}
    {{ return(ref(name) if pulse.pulse_has_entities() else '(' ~ pulse.pulse_empty(columns) ~ ')') }}
{% endmacro %}

{% macro pulse_segment_facts() %}{{ return(pulse.pulse_view_of_all('pulse_segment_facts', pulse.pulse_fact_columns())) }}{% endmacro %}

{% macro pulse_column_facts() %}{{ return(pulse.pulse_view_of_all('pulse_column_facts', pulse.pulse_health_columns())) }}{% endmacro %}

{% macro pulse_segment_definitions() %}
    {{ return(pulse.pulse_view_of_all('pulse_segment_definitions', pulse.pulse_definition_columns())) }}
{% endmacro %}
