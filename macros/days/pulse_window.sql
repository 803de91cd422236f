{# First and last snapshot date of this invocation, as ISO text: the vars pulse_from / pulse_to, else today in pulse_timezone. #}
{% macro pulse_window() %}
    {%- set today = pulse.pulse_today() -%}
    {%- set last = var('pulse_to', none) or var('pulse_from', none) or today -%}
    {%- set first = var('pulse_from', none) or last -%}
    {%- if first > last -%}
        {%- do exceptions.raise_compiler_error('pulse_from ' ~ first ~ ' is after pulse_to ' ~ last ~ '.') -%}
    {%- endif -%}
    {{ return([first, last]) }}
{% endmacro %}
