{# First and last snapshot date of this invocation, as ISO text: the vars pulse_from / pulse_to, else today in pulse_timezone. #}
{% macro pulse_window() %}
    {%- set today = pulse.pulse_today() -%}
    {%- set last = pulse.pulse_told('pulse_to') or pulse.pulse_told('pulse_from') or today -%}
    {%- set first = pulse.pulse_told('pulse_from') or last -%}
    {%- if first > last -%}
        {%- do exceptions.raise_compiler_error('pulse_from ' ~ first ~ ' is after pulse_to ' ~ last ~ '.') -%}
    {%- endif -%}
    {{ return([first, last]) }}
{% endmacro %}
