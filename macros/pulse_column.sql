{# A column of the relation, or a null of its type when it is broken, so that only the segments that use it suffer. #}
{% macro pulse_column(name, type, broken, known_as=none) %}{% if (known_as or name) in broken %}cast(null as {{ type }}) as {{ name }}{% else %}{{ name }}{% endif %}{% endmacro %}

{# Condition: none of the columns is broken. #}
{% macro pulse_intact(broken, columns) %}{{ 'false' if columns | select('in', broken.keys() | list) | list else 'true' }}{% endmacro %}

{# What is wrong with the columns, as a SQL literal; '' when nothing is. #}
{% macro pulse_broken_reason(broken, columns) %}
    {%- set reasons = [] -%}
    {%- for column in columns if column in broken -%}{%- do reasons.append(broken[column]) -%}{%- endfor -%}
    '{{ reasons | join("; ") }}'
{%- endmacro %}

{# The type that a column has now, in the words of definitions, as a SQL literal; the declared one where it cannot be seen. #}
{% macro pulse_type_now(name, declared, types) %}'{{ types.get(name | lower, "" if types else declared) }}'{% endmacro %}

{# 'ok', or 'broken' for a column that is gone or has another type. #}
{% macro pulse_column_status(name, broken) %}'{{ "broken" if name in broken else "ok" }}'{% endmacro %}
