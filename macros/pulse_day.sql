{# The snapshot date, or so many days before it: a token that the pulse_daily materialization replaces; in a unit test the var pulse_unit_day. #}
{% macro pulse_day(days_before=0) %}{{ pulse_day_token('day', var('pulse_unit_day', none), days_before) }}{% endmacro %}

{# The snapshot date before it, or so many days before that one; null when there is none. #}
{% macro pulse_before(days_before=0) %}{{ pulse_day_token('before', var('pulse_unit_before', none), days_before) }}{% endmacro %}

{# Condition: there is an earlier snapshot to compare with. #}
{% macro pulse_has_before() %}{{ pulse_before() }} is not null{% endmacro %}

{% macro pulse_day_token(name, given, days_before) %}
    {%- if given -%}
        {%- set day = modules.datetime.datetime.strptime(given, '%Y-%m-%d') - modules.datetime.timedelta(days=days_before) -%}
        cast('{{ day.strftime("%Y-%m-%d") }}' as date)
    {%- else -%}
        cast('__pulse_{{ name }}_minus_{{ days_before }}__' as date)
    {%- endif -%}
{% endmacro %}
