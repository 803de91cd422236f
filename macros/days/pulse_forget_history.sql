{# Pre-hook of the history of an entity that knows today only: today's rows are taken again, those past pulse_history_days go. #}
{% macro pulse_forget_history() %}
    {%- set today = pulse.pulse_today() -%}
    {%- set window = pulse.pulse_window() -%}
    {%- if execute and load_relation(this) is not none -%}
        {%- set days = var('pulse_history_days', 8) | int -%}
        {%- set oldest = (modules.datetime.datetime.strptime(today, '%Y-%m-%d') - modules.datetime.timedelta(days=days)).strftime('%Y-%m-%d') -%}
        delete from {{ this }}
        where snapshot_date < cast('{{ oldest }}' as date)
        {%- if window[0] <= today and today <= window[1] %} or snapshot_date = cast('{{ today }}' as date){% endif %}
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}
