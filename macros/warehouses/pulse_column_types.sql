{# The columns of a relation in the words of definitions: {name: number | text | boolean | date | timestamp | other}. #}
{% macro pulse_column_types(relation) %}
    {%- set types = {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- set raw = column.dtype | lower -%}
        {%- if 'bool' in raw -%}{%- set type = 'boolean' -%}
        {%- elif 'timestamp' in raw or 'datetime' in raw -%}{%- set type = 'timestamp' -%}
        {%- elif raw == 'date' -%}{%- set type = 'date' -%}
        {%- elif 'char' in raw or 'text' in raw or 'string' in raw -%}{%- set type = 'text' -%}
        {%- elif 'int' in raw or 'num' in raw or 'dec' in raw or 'float' in raw or 'double' in raw or 'real' in raw -%}{%- set type = 'number' -%}
        {%- else -%}{%- set type = 'other' -%}
        {%- endif -%}
        {%- do types.update({column.name | lower: type}) -%}
    {%- endfor -%}
    {{ return(types) }}
{% endmacro %}
