{# The bitwise and of two integers. #}
{% macro pulse_and(a, b) %}{{ return(adapter.dispatch('pulse_and', 'pulse')(a, b)) }}{% endmacro %}

{% macro default__pulse_and(a, b) %}{{ return('(' ~ a ~ ' & ' ~ b ~ ')') }}{% endmacro %}

{% macro snowflake__pulse_and(a, b) %}{{ return('bitand(' ~ a ~ ', ' ~ b ~ ')') }}{% endmacro %}
