{# Condition: snapshot_date is in the window, or is the next snapshot after it, whose comparison with the day before may have changed. Where the
   present day lies before the window, because the day has not ended yet (pulse_day_ends_at), it is in too. #}
{% macro pulse_in_window(facts) %}
    {%- set window = pulse.pulse_window() -%}
    {%- set first = [window[0], pulse.pulse_taken_day() or window[0]] | min -%}
    snapshot_date >= cast('{{ first }}' as date)
    and snapshot_date <= coalesce(
        (select min(later.snapshot_date) from {{ facts }} as later where later.snapshot_date > cast('{{ window[1] }}' as date)),
        cast('{{ window[1] }}' as date)
    )
{% endmacro %}
