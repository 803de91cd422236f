{# Pre-hook: delete the window's rows before they are inserted again, in the same transaction, one build at a time. Nothing to forget on the first build. #}
{% macro pulse_forget_window(facts) %}
    {%- if execute and load_relation(this) is not none -%}
        {{ pulse.pulse_lock(this) }};
        delete from {{ this }} where {{ pulse.pulse_in_window(facts) }}
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}
