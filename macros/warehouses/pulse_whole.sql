{# Statements that are done whole or not at all. dbt 1 has a transaction open; on dbt v2 each call is one of its own, which has to be said. #}
{% macro pulse_whole(statements) %}{{ return(adapter.dispatch('pulse_whole', 'pulse')(statements)) }}{% endmacro %}

{% macro default__pulse_whole(statements) %}{{ return(statements) }}{% endmacro %}

{% macro duckdb__pulse_whole(statements) %}
    {{ return(statements if pulse.pulse_keeps_steps() else 'begin;\n' ~ statements ~ '\ncommit;') }}
{% endmacro %}
