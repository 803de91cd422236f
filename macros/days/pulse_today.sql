{# Today in pulse_timezone, as ISO text. The var pulse_now stands in for the clock in tests. #}
{% macro pulse_today() %}
    {{ return(var('pulse_now', none) or run_started_at.astimezone(modules.pytz.timezone(var('pulse_timezone', 'UTC'))).strftime('%Y-%m-%d')) }}
{% endmacro %}
