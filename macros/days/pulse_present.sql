{# The day that a relation without history shows now, as ISO text: today, or the day before it while the time pulse_day_ends_at has not come.
   The runner says it in the var pulse_present_day, so that both mean the same day around midnight. #}
{% macro pulse_present() %}
    {%- if pulse.pulse_told('pulse_present_day') -%}{{ return(pulse.pulse_told('pulse_present_day') | string) }}{%- endif -%}
    {%- set given = var('pulse_day_ends_at', '00:00') -%}
    {#- YAML 1.1 reads 12:30 without quotes as 750, a number of minutes -#}
    {%- set ends_at = '%02d:%02d' | format(given // 60, given % 60) if given is number else given | string -%}
    {%- if not modules.re.fullmatch('([01]?[0-9]|2[0-3]):[0-5][0-9]', ends_at) -%}
        {%- do exceptions.raise_compiler_error('pulse_day_ends_at: ' ~ given ~ ' is not a time of day. Write HH:MM in quotes, such as "04:00".') -%}
    {%- endif -%}
    {%- set clock = pulse.pulse_clock() -%}
    {{ return(pulse.pulse_dates_before(clock[:10], 1 if clock[11:16] and clock[11:16] < ('0' ~ ends_at)[-5:] else 0)) }}
{% endmacro %}

{# The present day where this build takes it up: its window reaches the day before it, or further. None for an older window: a backfill leaves
   what is kept of today as it is. #}
{% macro pulse_taken_day() %}
    {%- set present = pulse.pulse_present() -%}
    {{ return(present if pulse.pulse_window()[1] >= pulse.pulse_dates_before(present, 1) else none) }}
{% endmacro %}
