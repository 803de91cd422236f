{# The comment of a relation, '' when it has none; none where this warehouse's are not read. #}
{% macro pulse_mark_of(relation) %}{{ return(adapter.dispatch('pulse_mark_of', 'pulse')(relation)) }}{% endmacro %}

{% macro default__pulse_mark_of(relation) %}{{ return(none) }}{% endmacro %}

{% macro duckdb__pulse_mark_of(relation) %}
    {%- set where = 'database_name = ' ~ pulse.pulse_literal(relation.database) ~ ' and lower(schema_name) = lower(' ~ pulse.pulse_literal(relation.schema) ~ ')' -%}
    {%- set name = pulse.pulse_literal(relation.identifier) -%}
    {%- set found = run_query('select comment from duckdb_tables() where ' ~ where ~ ' and lower(table_name) = lower(' ~ name
        ~ ') union all select comment from duckdb_views() where ' ~ where ~ ' and lower(view_name) = lower(' ~ name ~ ')').rows -%}
    {{ return(found[0][0] or '' if found else '') }}
{% endmacro %}

{% macro postgres__pulse_mark_of(relation) %}
    {%- set found = run_query("select obj_description(c.oid, 'pg_class') from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace where n.nspname = "
        ~ pulse.pulse_literal(relation.schema) ~ ' and c.relname = ' ~ pulse.pulse_literal(relation.identifier)).rows -%}
    {{ return(found[0][0] or '' if found else '') }}
{% endmacro %}

{# The statement that sets the comment of a relation; nothing where this warehouse's are not read. #}
{% macro pulse_write_mark(relation, text) %}{{ return(adapter.dispatch('pulse_write_mark', 'pulse')(relation, text)) }}{% endmacro %}

{% macro default__pulse_write_mark(relation, text) %}{{ return('') }}{% endmacro %}

{% macro duckdb__pulse_write_mark(relation, text) %}{{ return('comment on ' ~ relation.type ~ ' ' ~ relation ~ ' is ' ~ pulse.pulse_literal(text)) }}{% endmacro %}

{% macro postgres__pulse_write_mark(relation, text) %}{{ return(pulse.duckdb__pulse_write_mark(relation, text)) }}{% endmacro %}
