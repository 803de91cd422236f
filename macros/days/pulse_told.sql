{# What the runner says of this build, else the var of that name: pulse_from, pulse_to, pulse_present_day, pulse_skip_done, pulse_compare_days,
   pulse_blind.
   It says them as JSON in the environment variable PULSE_BUILD. With --vars, dbt would parse the whole project anew at every other date. #}
{% macro pulse_told(name, otherwise=none) %}
    {%- set told = fromjson(env_var('PULSE_BUILD', '{}')) -%}
    {{ return(told[name] if name in told else var(name, otherwise)) }}
{% endmacro %}
