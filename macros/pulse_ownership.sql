{# Pre-hook of every model and of the seed of Pulse, before anything is written: a relation of its name that Pulse did not make is refused. Pulse knows its
   own by the mark that pulse_mark leaves in the comment. A table from before there were marks, or of a warehouse that has none, is known by
   its contract: every column is one of the model's, and most of the model's are there. Where the table is not there, but that of Pulse 0.1.0
   is, the build is refused too: it would begin with an empty one. #}
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
    {%- elif execute and model.config.materialized != 'view' -%}
        {%- for schema in [this.schema, target.schema] | unique -%}
            {%- if pulse.pulse_old_table(schema) is not none -%}
                {%- do exceptions.raise_compiler_error('Tables of Pulse 0.1.0 stand in schema ' ~ schema ~ '. Nothing was written: new ones would begin empty. '
                    ~ 'Run `pulse upgrade`, which keeps their rows.') -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}

{# The table of Pulse 0.1.0 that this model takes over, in a schema; none where there is none. Nothing began with `pulse_` then, and a table
   of somebody else has other columns. #}
{% macro pulse_old_table(schema) %}
    {%- set name = model.name[6:] | replace('__', '_') -%}
    {%- set found = adapter.get_relation(database=this.database, schema=schema, identifier=name) if model.name != 'pulse_runs' else none -%}
    {{ return(found if found is not none and found.type != 'view' and pulse.pulse_fits_contract(found) and not pulse.pulse_mark_of(found) else none) }}
{% endmacro %}

{# Post-hook of every model and of the seed of Pulse: what it is and whose, in the comment of the relation. #}
{% macro pulse_mark() %}
    {%- if execute -%}
        {%- set made = this.incorporate(type='view' if model.config.materialized == 'view' else 'table') -%}
        {%- set text = (model.description ~ '\n\n' if model.description else '') ~ pulse.pulse_mark_text() ~ ' Schema ' ~ pulse.pulse_schema_version() ~ '.' -%}
        {%- if pulse.pulse_mark_of(made) not in (none, text) or pulse.pulse_mark_of(made) == '' -%}
            {{ pulse.pulse_write_mark(made, text) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# The last line of the comment begins with it. The runner looks for it before it writes (pulse_runner/warehouse/ownership.py). #}
{% macro pulse_mark_text() %}{{ return('Made by Pulse for ' ~ project_name ~ '.') }}{% endmacro %}

{# The version of the names and columns of Pulse's tables, as in the table of CHANGELOG.md; SCHEMA_VERSION of the runner is the same. #}
{% macro pulse_schema_version() %}{{ return(2) }}{% endmacro %}

{% macro pulse_fits_contract(relation) %}
    {%- set known = [] -%}
    {%- for name in model.columns or model.config.column_types or {} -%}{%- do known.append(name | lower) -%}{%- endfor -%}
    {%- set there = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}{%- do there.append(column.name | lower) -%}{%- endfor -%}
    {{ return(not (there | reject('in', known) | list) and there | length * 2 > known | length) }}
{% endmacro %}

{# Add the columns that a table of an earlier version lacks, as `append_new_columns` does for incremental models. #}
{% macro pulse_add_columns(relation, columns) %}
    {%- set there = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}{%- do there.append(column.name | lower) -%}{%- endfor -%}
    {%- for name, type in columns.items() if name not in there -%}
        {% call statement('add ' ~ name) %}alter table {{ relation }} add column {{ name }} {{ type }}{% endcall %}
    {%- endfor -%}
{% endmacro %}
