{# Marks a CTE that pulse_daily makes as a table of its own, because many others read it. Elsewhere it is a CTE like any other. #}
{% macro pulse_step() %}{{ return(adapter.dispatch('pulse_step', 'pulse')()) }}{% endmacro %}

{% macro default__pulse_step() %}/* step */{% endmacro %}

{% macro duckdb__pulse_step() %}materialized /* step */{% endmacro %}

{% macro postgres__pulse_step() %}materialized /* step */{% endmacro %}

{# A model's SQL taken apart at its steps: {names, batches, last}. A batch is a list of statements that make steps; a new one begins where
   something must be looked up before the next can be written: duplicate keys after `copies`, the buckets that there are after `bucket_slots`.
   `last` is the query that is left. Each brings along the plain CTEs that it needs. #}
{% macro pulse_steps(sql) %}
    {%- set parts = {'names': [], 'batches': [[]]} -%}
    {%- set looked_at = ['copies', 'bucket_slots'] if '__pulse_slot_' in sql else ['copies'] -%}
    {%- set plain = [] -%}
    {%- set text = sql.strip() ~ '\n' -%}
    {%- set found = modules.re.findall('(?ms)^(\\w+) as ([^(\n]*)\\(\n\n(.*?)\n\n\\)(,?)\n', text) if '/* step */' in text else [] -%}
    {%- for name, mark, body, more in found -%}
        {%- if '/* step */' in mark -%}
            {%- do parts.batches[-1].append(pulse_make_step(name, pulse_with(plain, body))) -%}
            {%- do parts.names.append(name) -%}
            {%- if name in looked_at -%}{%- do parts.batches.append([]) -%}{%- endif -%}
        {%- else -%}
            {%- do plain.append([name, name ~ ' as (\n\n' ~ body ~ '\n\n)']) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set last = pulse_with(plain, text.split('\n\n)\n')[-1]) if found else text -%}
    {{ return({'names': parts.names, 'batches': parts.batches, 'last': last}) }}
{% endmacro %}

{# A query with the plain CTEs that it needs, directly or through each other. #}
{% macro pulse_with(plain, body) %}
    {%- set needed = [] -%}
    {%- set seen = {'text': body} -%}
    {%- for name, cte in plain | reverse -%}
        {%- if modules.re.search('\\b' ~ name ~ '\\b', seen.text) -%}
            {%- do needed.append(cte) -%}
            {%- do seen.update({'text': seen.text ~ cte}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(('with\n\n' ~ needed | reverse | join(',\n\n') ~ '\n\n' if needed else '') ~ body) }}
{% endmacro %}

{# The SQL of a day once more is known: the dates, whether a key stands twice (what takes duplicates apart is slow, and mostly not needed), and
   the slots per attribute: a line that names a slot is repeated once per slot; without counts once, which gives the shape. #}
{% macro pulse_fill(sql, day, before, copies=true, slots=none) %}
    {%- set text = pulse_fill_days(sql, day, before) -%}
    {%- if not copies -%}{%- set text = modules.re.sub('(?m)^.* -- with copies\n', '', text) -%}{%- endif -%}
    {%- set parts = [] -%}
    {#- text and lines with a slot in turn: a loop over every line would take longer than the query -#}
    {%- for part in modules.re.split('(?m)^(.*__pulse_slot_.*)$', text) -%}
        {%- if loop.index % 2 -%}{%- do parts.append(part) -%}
        {%- else -%}
            {%- set slot = modules.re.search('__pulse_slot_(\\w+?)__', part) -%}
            {%- set lines = [] -%}
            {%- for n in range(1, 1 + (slots.get(slot.group(1), 0) if slots is not none else 1)) -%}
                {%- do lines.append(part.replace(slot.group(0), n | string)) -%}
            {%- endfor -%}
            {%- do parts.append(lines | join('\n')) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(parts | join('')) }}
{% endmacro %}

{# Whether a key stands more than once as of one of the two days, once `copies` is there. #}
{% macro pulse_has_copies() %}{{ return(run_query('select 1 from copies limit 1').rows | length > 0) }}{% endmacro %}

{# Slots per attribute, once bucket_slots is there. #}
{% macro pulse_slot_counts() %}
    {%- set counts = {} -%}
    {%- for row in run_query('select attribute, max(slot) from bucket_slots group by attribute') -%}
        {%- do counts.update({row[0]: row[1] | int}) -%}
    {%- endfor -%}
    {{ return(counts) }}
{% endmacro %}

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
drop table if exists {{ pulse_step_table(name) }} cascade;
create unlogged table {{ pulse_step_table(name) }} as
{{ body }};
analyze {{ pulse_step_table(name) }};
create or replace temporary view {{ name }} as select * from {{ pulse_step_table(name) }};
{% endmacro %}

{% macro pulse_step_table(name) %}{{ return(this.incorporate(path={'identifier': 'pulse_' ~ local_md5(this.identifier)[:8] ~ '_' ~ name})) }}{% endmacro %}

{# The statement that drops a step. #}
{% macro pulse_drop_step(name) %}{{ return(adapter.dispatch('pulse_drop_step', 'pulse')(name)) }}{% endmacro %}

{% macro default__pulse_drop_step(name) %}drop table if exists {{ name }};{% endmacro %}

{% macro duckdb__pulse_drop_step(name) %}drop table if exists temp.{{ name }};{% endmacro %}

{% macro postgres__pulse_drop_step(name) %}drop table if exists {{ pulse_step_table(name) }} cascade;{% endmacro %}
