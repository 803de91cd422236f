{# The declared columns that the relation no longer has as declared: {column: what is wrong}; a type of none is any type. A relation whose columns cannot be
   seen (while parsing, in a unit test) counts as whole. #}
{% macro pulse_broken_columns(relation, declared, prefix='') %}
    {%- set broken = {} -%}
    {%- if execute -%}
        {%- set types = pulse.pulse_column_types(relation) -%}
        {%- for column, type in declared.items() if types -%}
            {%- set found = types.get(column | lower) -%}
            {%- if found is none -%}
                {%- do broken.update({prefix ~ column: 'column ' ~ prefix ~ column ~ ' is missing'}) -%}
            {%- elif type is not none and found not in (type, 'other') and not (type in ('date', 'timestamp') and found in ('date', 'timestamp')) -%}
                {%- do broken.update({prefix ~ column: 'column ' ~ prefix ~ column ~ ' is ' ~ found ~ ', was ' ~ type}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(broken) }}
{% endmacro %}
