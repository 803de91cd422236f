{# The declared columns that the relation no longer has as declared: {column: what is wrong}; a type of none is any type. A relation whose columns cannot be
   seen (while parsing, in a unit test) counts as whole. `names` says how the relation calls a column, where Pulse calls it otherwise. #}
{% macro pulse_broken_columns(relation, declared, prefix='', names={}) %}
    {%- set broken = {} -%}
    {%- if execute -%}
        {%- set types = pulse.pulse_column_types(relation) -%}
        {%- for column, type in declared.items() if types -%}
            {%- set known_as = names.get(column, column) -%}
            {%- set found = types.get(known_as | lower) -%}
            {%- if found is none -%}
                {%- do broken.update({prefix ~ column: 'column ' ~ prefix ~ known_as ~ ' is missing'}) -%}
            {%- elif type is not none and found not in (type, 'other') and not (type in ('date', 'timestamp') and found in ('date', 'timestamp')) -%}
                {%- do broken.update({prefix ~ column: 'column ' ~ prefix ~ known_as ~ ' is ' ~ found ~ ', was ' ~ type}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(broken) }}
{% endmacro %}
