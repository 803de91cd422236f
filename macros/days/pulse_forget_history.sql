{# Pre-hook of the history of an entity that knows today only: rows of the day that is taken go, and those past pulse_history_days. #}
{% macro pulse_forget_history() %}
    {%- if execute and load_relation(this) is not none -%}
        {%- set taken = pulse.pulse_taken_day() -%}
        delete from {{ this }}
        where snapshot_date < cast('{{ pulse.pulse_dates_before(pulse.pulse_present(), var('pulse_history_days', 8) | int) }}' as date)
        {%- if taken %} or snapshot_date = cast('{{ taken }}' as date){% endif %}
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}
