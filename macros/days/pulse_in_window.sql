{# Condition: snapshot_date is in the window, or is the next snapshot after it, whose comparison with the day before may have changed. #}
{% macro pulse_in_window(facts) %}
    {%- set window = pulse.pulse_window() -%}
    snapshot_date >= cast('{{ window[0] }}' as date)
    and snapshot_date <= coalesce(
        (select min(later.snapshot_date) from {{ facts }} as later where later.snapshot_date > cast('{{ window[1] }}' as date)),
        cast('{{ window[1] }}' as date)
    )
{% endmacro %}
