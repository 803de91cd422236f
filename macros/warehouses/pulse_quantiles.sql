{# Aggregates that give the quantiles of a number, as columns of a SELECT called after `name`, and how the n-th of them is read from there. #}
{% macro pulse_quantiles(name, value, shares) %}{{ return(adapter.dispatch('pulse_quantiles', 'pulse')(name, value, shares)) }}{% endmacro %}

{% macro default__pulse_quantiles(name, value, shares) %}
    {%- set columns = [] -%}
    {%- for share in shares -%}{%- do columns.append('percentile_disc(' ~ share ~ ') within group (order by ' ~ value ~ ') as ' ~ name ~ '__q' ~ loop.index) -%}{%- endfor -%}
    {{ return(columns | join(', ')) }}
{% endmacro %}

{# All at once: each aggregate would sort for itself. #}
{% macro duckdb__pulse_quantiles(name, value, shares) %}{{ return('quantile_disc(' ~ value ~ ', [' ~ shares | join(', ') ~ ']) as ' ~ name ~ '__q') }}{% endmacro %}

{% macro postgres__pulse_quantiles(name, value, shares) %}
    {{ return('percentile_disc(array[' ~ shares | join(', ') ~ ']::double precision[]) within group (order by ' ~ value ~ ') as ' ~ name ~ '__q') }}
{% endmacro %}

{% macro pulse_quantile_of(name, n) %}{{ return(adapter.dispatch('pulse_quantile_of', 'pulse')(name, n)) }}{% endmacro %}

{% macro default__pulse_quantile_of(name, n) %}{{ return(name ~ '__q' ~ n) }}{% endmacro %}

{% macro duckdb__pulse_quantile_of(name, n) %}{{ return(name ~ '__q[' ~ n ~ ']') }}{% endmacro %}

{% macro postgres__pulse_quantile_of(name, n) %}{{ return(name ~ '__q[' ~ n ~ ']') }}{% endmacro %}
