{# The SQL type of a field type of the definitions. #}
{% macro pulse_sql_type(type) %}
    {%- set types = {'number': 'double precision', 'text': 'varchar', 'boolean': 'boolean', 'date': 'date', 'timestamp': 'timestamp'} -%}
    {{ return(types[type]) }}
{% endmacro %}
