{# The body of a compiled `pulse_<entity>__history` model: the key and the used columns of an entity that knows today only, as they are now.
   Rows of the last days are kept by the pre-hook pulse_forget_history. #}
{% macro pulse_history(spec) %}
    {%- set relation = pulse.pulse_relation(spec.original) -%}
    {%- set names = spec.get('names', {}) -%}
    {%- set key = [] if spec.key in spec.columns else [pulse.pulse_column(spec.key, none, {}, none, names)] -%}
    {%- set broken = pulse.pulse_broken_columns(relation, spec.columns, '', names) %}
select
    {{ (key + pulse.pulse_used_columns(spec, broken, names)) | join(',\n    ') }},
    cast('{{ pulse.pulse_present() }}' as date) as snapshot_date
from {{ relation }}
{%- if not pulse.pulse_taken_day() %}
where 1 = 0 -- the window ends before the day that this relation shows now
{%- endif %}
{%- endmacro %}
