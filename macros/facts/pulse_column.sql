{# A column of the relation, or a null of its type when it is broken, so that only the segments that use it suffer. `type` is a field
   type of the definitions; none, for a column that nothing declares, is read as a date. #}
{% macro pulse_column(name, type, broken, known_as=none) %}
    {%- if (known_as or name) in broken -%}
        {{ return('cast(null as ' ~ pulse.pulse_sql_type(type or 'date') ~ ') as ' ~ name) }}
    {%- endif -%}
    {{ return(name) }}
{% endmacro %}

{# What is wrong with the columns, '' when nothing is. #}
{% macro pulse_broken_reason(broken, columns) %}
    {%- set reasons = [] -%}
    {%- for column in columns if column in broken -%}{%- do reasons.append(broken[column]) -%}{%- endfor -%}
    {{ return(reasons | join('; ')) }}
{% endmacro %}
