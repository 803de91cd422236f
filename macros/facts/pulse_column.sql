{# A column of the relation, or a null of its type when it is broken, so that only the segments that use it suffer. `type` is a field
   type of the definitions; none, for a column that nothing declares, is read as a date. #}
{% macro pulse_column(name, type, broken, known_as=none, names={}) %}
    {%- if (known_as or name) in broken -%}
        {{ return('cast(null as ' ~ pulse.pulse_sql_type(type or 'date') ~ ') as ' ~ name) }}
    {%- endif -%}
    {{ return(pulse.pulse_quoted(name, names) ~ ' as ' ~ name if name in names else name) }}
{% endmacro %}

{# A column as its relation calls it, quoted where that is not the plain name that Pulse reads it under. `names` has the former by the latter. #}
{% macro pulse_quoted(name, names) %}{{ return(adapter.quote(names[name]) if name in names else name) }}{% endmacro %}

{# The names that the relation of a spec has for columns: of the history that Pulse keeps, all are Pulse's own. #}
{% macro pulse_names(spec) %}{{ return({} if spec.original else spec.get('names', {})) }}{% endmacro %}

{# A column of the relation of a spec, as SQL reads it there. #}
{% macro pulse_read(spec, name) %}{{ return(pulse.pulse_quoted(name, pulse.pulse_names(spec))) }}{% endmacro %}

{# What is wrong with the columns, '' when nothing is. #}
{% macro pulse_broken_reason(broken, columns) %}
    {%- set reasons = [] -%}
    {%- for column in columns if column in broken -%}{%- do reasons.append(broken[column]) -%}{%- endfor -%}
    {{ return(reasons | unique | join('; ')) }}
{% endmacro %}
