{# A day, or so many days before it, as SQL of type date. The day is ISO text, none (null), or a mark that pulse_fill replaces by a day. #}
{% macro pulse_date(day, days_before=0) %}
    {%- if day is none -%}
        {{ return('cast(null as date)') }}
    {%- elif '-' not in day -%}
        {{ return("cast('" ~ day ~ '_' ~ days_before ~ "' as date)") }}
    {%- endif -%}
    {{ return("cast('" ~ pulse.pulse_dates_before(day, days_before) ~ "' as date)") }}
{% endmacro %}
