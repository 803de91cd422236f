{# Says that a CTE is made once, where a warehouse would otherwise make it anew for each use. #}
{% macro pulse_materialized() %}{{ return(adapter.dispatch('pulse_materialized', 'pulse')()) }}{% endmacro %}

{% macro default__pulse_materialized() %}{{ return('') }}{% endmacro %}

{% macro duckdb__pulse_materialized() %}{{ return('materialized ') }}{% endmacro %}

{% macro postgres__pulse_materialized() %}{{ return('materialized ') }}{% endmacro %}

{# Whether a step is still there at the next statement. dbt v2 may take another connection for each, and a temporary table goes with its own. #}
{% macro pulse_keeps_steps() %}{{ return(not dbt_version.startswith('2.')) }}{% endmacro %}

{# Statements that make a step: a temporary table of this connection. #}
{% macro pulse_make_step(name, body) %}{{ return(adapter.dispatch('pulse_make_step', 'pulse')(name, body)) }}{% endmacro %}

{% macro default__pulse_make_step(name, body) %}
drop table if exists {{ name }};
create temporary table {{ name }} as
{{ body }};
{% endmacro %}

{# The name is qualified, so nobody's own table can be meant. #}
{% macro duckdb__pulse_make_step(name, body) %}{{ return(pulse.default__pulse_make_step('temp.' ~ name, body)) }}{% endmacro %}

{# Postgres works on temporary tables with one process only: a table that no other session sees before it is dropped, in the same transaction,
   with a temporary view under the step's name. Without statistics its planner takes 200 distinct values for granted. #}
{% macro postgres__pulse_make_step(name, body) %}
drop table if exists {{ pulse.pulse_step_table(name) }} cascade;
create unlogged table {{ pulse.pulse_step_table(name) }} as
{{ body }};
analyze {{ pulse.pulse_step_table(name) }};
create or replace temporary view {{ name }} as select * from {{ pulse.pulse_step_table(name) }};
{% endmacro %}

{% macro pulse_step_table(name) %}{{ return(this.incorporate(path={'identifier': 'pulse_' ~ local_md5(this.identifier)[:8] ~ '_' ~ name})) }}{% endmacro %}

{# The statement that drops a step. #}
{% macro pulse_drop_step(name) %}{{ return(adapter.dispatch('pulse_drop_step', 'pulse')(name)) }}{% endmacro %}

{% macro default__pulse_drop_step(name) %}drop table if exists {{ name }};{% endmacro %}

{% macro duckdb__pulse_drop_step(name) %}drop table if exists temp.{{ name }};{% endmacro %}

{% macro postgres__pulse_drop_step(name) %}drop table if exists {{ pulse.pulse_step_table(name) }} cascade;{% endmacro %}
