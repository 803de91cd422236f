{# The body of a compiled `pulse_<entity>__history` model: the key and the used columns of an entity that knows today only, as they are today.
   Rows of the last days are kept by the pre-hook pulse_forget_history. #}
{% macro pulse_history(spec) %}
    {%- set relation = pulse.pulse_relation(spec.original) -%}
    {%- set today = pulse.pulse_today() -%}
    {%- set names = spec.get('names', {}) -%}
    {%- set key = [] if spec.key in spec.columns else [pulse.pulse_column(spec.key, none, {}, none, names)] -%}
    {%- set broken = pulse.pulse_broken_columns(relation, spec.columns, '', names) -%}
select
    {{ (key + pulse.pulse_used_columns(spec, broken, names)) | join(',\n    ') }},
    cast('{{ today }}' as date) as snapshot_date
from {{ relation }}
where cast('{{ today }}' as date) between cast('{{ pulse.pulse_window()[0] }}' as date) and cast('{{ pulse.pulse_window()[1] }}' as date)
{%- endmacro %}
