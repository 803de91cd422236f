{# Pre-hook of every model and of the seed of Pulse, before anything is written: a relation of its name that Pulse did not make is refused. Pulse knows its
   own by the mark that pulse_mark leaves in the comment. A table from before there were marks, or of a warehouse that has none, is known by
   its contract: every column is one of the model's, and most of the model's are there. #}
{% macro pulse_require_own() %}
    {%- set there = load_cached_relation(this) if execute else none -%}
    {%- if there is not none -%}
        {%- set mark = pulse.pulse_mark_of(there) -%}
        {%- set named = there.include(database=false) -%}
        {%- if mark and 'Made by Pulse for ' in mark -%}
            {%- if pulse.pulse_mark_text() not in mark -%}
                {%- do exceptions.raise_compiler_error(named ~ ' belongs to Pulse of another project (' ~ (mark.splitlines() | last) ~ ') Nothing was written. Give Pulse of this project a schema of its own: '
                    ~ 'models: {pulse: {+schema: ...}} in dbt_project.yml.') -%}
            {%- endif -%}
        {%- elif (mark is not none and there.type == 'view') or not pulse.pulse_fits_contract(there) -%}
            {%- do exceptions.raise_compiler_error(named ~ ' is there already, and Pulse did not make it. Nothing was written to it. Rename it, or give Pulse a schema of its own: '
                ~ 'models: {pulse: {+schema: ...}} in dbt_project.yml. If it is from an earlier Pulse: comment on ' ~ there.type ~ ' ' ~ named ~ " is '" ~ pulse.pulse_mark_text() ~ "';") -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# Post-hook of every model and of the seed of Pulse: what it is and whose, in the comment of the relation. #}
{% macro pulse_mark() %}
    {%- if execute -%}
        {%- set made = this.incorporate(type='view' if model.config.materialized == 'view' else 'table') -%}
        {%- set text = (model.description ~ '\n\n' if model.description else '') ~ pulse.pulse_mark_text() -%}
        {%- if pulse.pulse_mark_of(made) not in (none, text) -%}
            {{ pulse.pulse_write_mark(made, text) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# The last line of the comment. The runner looks for it before it writes (pulse_runner/warehouse/ownership.py). #}
{% macro pulse_mark_text() %}{{ return('Made by Pulse for ' ~ project_name ~ '.') }}{% endmacro %}

{% macro pulse_fits_contract(relation) %}
    {%- set known = [] -%}
    {%- for name in model.columns or model.config.column_types or {} -%}{%- do known.append(name | lower) -%}{%- endfor -%}
    {%- set there = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}{%- do there.append(column.name | lower) -%}{%- endfor -%}
    {{ return(not (there | reject('in', known) | list) and there | length * 2 > known | length) }}
{% endmacro %}
