{# Today in pulse_timezone, as ISO text. #}
{% macro pulse_today() %}{{ return(pulse.pulse_clock()[:10]) }}{% endmacro %}

{# The time of this build in pulse_timezone: `2026-03-01 06:30`. The var pulse_now stands in for the clock in tests: such a text, or a day. #}
{% macro pulse_clock() %}
    {{ return(var('pulse_now', none) or run_started_at.astimezone(modules.pytz.timezone(var('pulse_timezone', 'UTC'))).strftime('%Y-%m-%d %H:%M')) }}
{% endmacro %}
