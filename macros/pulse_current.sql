{# The body of a compiled `pulse_<entity>__current` model: one row per key as the relation has it now, with the columns and clocks that rules
   read, and `pulse_day`, the day that relative dates count from. Segments' views select from it, so all pick the same row of a duplicate key. #}
{% macro pulse_current(spec) %}
    {%- set seen = pulse.pulse_seen(spec) -%}
    {%- set h = spec.history -%}
    {%- if pulse.pulse_misdated(spec, seen.types) -%}{#- nobody knows which rows are current: the entity is broken, and its segments have no members -#}
        {%- set condition = '1 = 0' -%}{%- set day = 'cast(null as date)' -%}
    {%- elif not h -%}
        {%- set condition = 'true' -%}{%- set day = 'current_date' -%}
    {%- elif 'valid_from' in h -%}
        {%- set condition = pulse.pulse_as_of(spec, 'current_date') -%}{%- set day = 'current_date' -%}
    {%- else -%}
        {%- set day = '(select max(latest.' ~ pulse.pulse_read(spec, h.as_of) ~ ') from ' ~ seen.relation ~ ' as latest)' -%}
        {%- set condition = pulse.pulse_as_of(spec, day) -%}
    {%- endif %}
with

placed as (
    {{ pulse.pulse_placed_rows(spec, seen, condition) | indent(4) }}
),

dated as (
    select placed.*, cast({{ day }} as date) as pulse_day from placed where pulse_copy = 1
)

select
    entity_key as {{ spec.key }}
    {%- for name in spec.columns if name != spec.key %},
    {{ name }}
    {%- endfor %}
    {%- for clock, column in spec.get('clocks', {}).items() %},
    {{ dbt.datediff('cast(' ~ column ~ ' as date)', 'pulse_day', 'day') }} as {{ clock }}
    {%- endfor %},
    pulse_day
from dated
{%- endmacro %}
