{# The columns <attribute>_<slot> of a step as rows (segment_no, attribute, slot, members). #}
{% macro pulse_unpivot(step, attributes, slots) %}{{ return(adapter.dispatch('pulse_unpivot', 'pulse')(step, attributes, slots)) }}{% endmacro %}

{% macro default__pulse_unpivot(step, attributes, slots) -%}
    {%- for a in attributes -%}{%- for n in pulse.pulse_slots_of(slots, a) -%}
select segment_no, '{{ a }}' as attribute, {{ n }} as slot, {{ a }}_{{ n }} as members from {{ step }} union all
    {% endfor -%}{%- endfor -%}
select 0 as segment_no, '' as attribute, 0 as slot, 0 as members where 1 = 0
{%- endmacro %}

{# One scan with arrays: a hundred branches of a union take longer to plan than to run. #}
{% macro duckdb__pulse_unpivot(step, attributes, slots) -%}
    {%- set names = [] -%}
    {%- set numbers = [] -%}
    {%- set columns = [] -%}
    {%- for a in attributes -%}{%- for n in pulse.pulse_slots_of(slots, a) -%}
        {%- do names.append("'" ~ a ~ "'") -%}
        {%- do numbers.append(n) -%}
        {%- do columns.append(a ~ '_' ~ n) -%}
    {%- endfor -%}{%- endfor -%}
select
    segment_no,
    unnest(array[{{ (names + ["''"]) | join(', ') }}]) as attribute,
    unnest(array[{{ (numbers + [0]) | join(', ') }}]) as slot,
    unnest(array[{{ (columns + [0]) | join(', ') }}]) as members
from {{ step }}
{%- endmacro %}

{% macro postgres__pulse_unpivot(step, attributes, slots) %}{{ return(pulse.duckdb__pulse_unpivot(step, attributes, slots)) }}{% endmacro %}
