{# A day (ISO text), or so many days before it, as SQL of type date; null for none. #}
{% macro pulse_date(day, days_before=0) %}
    {%- if day is none -%}
        {{ return('cast(null as date)') }}
    {%- endif -%}
    {%- set at = modules.datetime.datetime.strptime(day, '%Y-%m-%d') - modules.datetime.timedelta(days=days_before) -%}
    {{ return("cast('" ~ at.strftime('%Y-%m-%d') ~ "' as date)") }}
{% endmacro %}
