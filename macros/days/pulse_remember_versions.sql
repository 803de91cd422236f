{# Pre-hook of `pulse_segments`: close the current version of every segment whose definition is another one now, or is gone. #}
{% macro pulse_remember_versions() %}
    {%- if execute and load_relation(this) is not none -%}
        update {{ this }} set valid_to = cast('{{ pulse.pulse_window()[0] }}' as date)
        where valid_to is null and not exists (
            select 1 from {{ pulse.pulse_segment_definitions() }} as d
            where d.segment_id = {{ this }}.segment_id and d.definition_hash = {{ this }}.definition_hash and d.owner = {{ this }}.owner
                and d.label = {{ this }}.label and d.description = {{ this }}.description and d.enabled = {{ this }}.enabled
                and d.alerts = {{ this }}.alerts and d.thresholds = {{ this }}.thresholds
        )
    {%- else -%}
        select 1
    {%- endif -%}
{% endmacro %}
