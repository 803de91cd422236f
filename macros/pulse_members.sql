{# A segment's view: the keys of the current rows that satisfy the rule, which is what the macro is called around. While a column that the
   rule reads is broken there are none: a broken segment has no members instead of failing the build.
   Arguments: the key, the current rows of the entity, its relation with the columns that the rule reads and their types, and the events
   relations that it reads as [relation, columns, name]. `names`, there the fourth, says how a relation calls a column, where Pulse
   calls it otherwise. #}
{% macro pulse_members(key, current, relation, columns, events=[], names={}) %}
    {%- set broken = pulse.pulse_broken_columns(relation, columns, '', names) -%}
    {%- for its in events -%}
        {%- do broken.update(pulse.pulse_broken_columns(its[0], its[1], its[2] ~ '.', its[3] if its | length > 3 else {})) -%}
    {%- endfor -%}
    {%- set rule = caller() -%}{#- also when it is not used: it says which segments this one refers to -#}
    {%- if broken -%}
-- broken, so it has no members: {{ broken.values() | join('; ') }}
select {{ key }}
from {{ current }}
where 1 = 0
    {%- else -%}
select {{ key }}
from {{ current }} as member
where
    {{ rule | indent(4) }}
    {%- endif %}
{% endmacro %}
