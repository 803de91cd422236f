{# The word after `as` that makes a CTE be computed once, where the warehouse knows it. #}
{% macro pulse_materialized() %}{{ return(adapter.dispatch('pulse_materialized', 'pulse')()) }}{% endmacro %}

{% macro default__pulse_materialized() %}{% endmacro %}

{% macro duckdb__pulse_materialized() %}materialized{% endmacro %}

{% macro postgres__pulse_materialized() %}materialized{% endmacro %}
