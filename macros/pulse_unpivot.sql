{# The columns <attribute>_<slot> of a step as rows (segment_no, attribute, slot, members); a line with a slot is repeated once per slot. #}
{% macro pulse_unpivot(step, attributes) %}{{ return(adapter.dispatch('pulse_unpivot', 'pulse')(step, attributes)) }}{% endmacro %}

{% macro default__pulse_unpivot(step, attributes) -%}
{% for a in attributes -%}
select segment_no, '{{ a }}' as attribute, __pulse_slot_{{ a }}__ as slot, {{ a }}___pulse_slot_{{ a }}__ as members from {{ step }} union all
{% endfor -%}
select 0 as segment_no, '' as attribute, 0 as slot, 0 as members where 1 = 0
{%- endmacro %}

{# One scan with arrays: a hundred branches of a union take longer to plan than to run. #}
{% macro duckdb__pulse_unpivot(step, attributes) -%}
select
    segment_no,
    unnest(array[
{%- for a in attributes %}
        '{{ a }}', -- __pulse_slot_{{ a }}__
{%- endfor %}
        '']) as attribute,
    unnest(array[
{%- for a in attributes %}
        __pulse_slot_{{ a }}__,
{%- endfor %}
        0]) as slot,
    unnest(array[
{%- for a in attributes %}
        {{ a }}___pulse_slot_{{ a }}__,
{%- endfor %}
        0]) as members
from {{ step }}
{%- endmacro %}

{% macro postgres__pulse_unpivot(step, attributes) %}{{ return(pulse.duckdb__pulse_unpivot(step, attributes)) }}{% endmacro %}
