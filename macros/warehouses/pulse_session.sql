{# Settings for the one heavy transaction, as statements: memory for its hash tables, and no compiling of expressions that run once. #}
{% macro pulse_session() %}{{ return(adapter.dispatch('pulse_session', 'pulse')()) }}{% endmacro %}

{% macro default__pulse_session() %}{% endmacro %}

{% macro postgres__pulse_session() %}set local work_mem = '{{ var("pulse_postgres_work_mem", "128MB") }}'; set local jit = off; set local default_statistics_target = 10;{% endmacro %}
