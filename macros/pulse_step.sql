{# Marks a CTE that pulse_daily makes as a temporary table, because many others read it. Elsewhere it is a CTE like any other. #}
{% macro pulse_step() %}{{ return(adapter.dispatch('pulse_step', 'pulse')()) }}{% endmacro %}

{% macro default__pulse_step() %}/* step */{% endmacro %}

{% macro duckdb__pulse_step() %}materialized /* step */{% endmacro %}

{% macro postgres__pulse_step() %}materialized /* step */{% endmacro %}

{# A model's SQL taken apart at its steps: {names, first, second, last}. `first` makes the steps up to bucket_slots, `second` those after it,
   as statements; `last` is the query that is left. Each brings along the plain CTEs that it needs. #}
{% macro pulse_steps(sql) %}
    {%- set parts = {'names': [], 'first': [], 'second': []} -%}
    {%- set plain = [] -%}
    {%- set text = sql.strip() ~ '\n' -%}
    {%- set found = modules.re.findall('(?ms)^(\\w+) as ([^(\n]*)\\(\n\n(.*?)\n\n\\)(,?)\n', text) if '/* step */' in text else [] -%}
    {%- for name, mark, body, more in found -%}
        {%- if '/* step */' in mark -%}
            {%- do parts['second' if 'bucket_slots' in parts.names else 'first'].append(
                'drop table if exists ' ~ pulse_temporary(name) ~ ';\ncreate temporary table ' ~ name ~ ' as\n' ~ pulse_with(plain, body) ~ ';'
            ) -%}
            {%- do parts.names.append(name) -%}
        {%- else -%}
            {%- do plain.append([name, name ~ ' as (\n\n' ~ body ~ '\n\n)']) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set last = pulse_with(plain, text.split('\n\n)\n')[-1]) if found else text -%}
    {{ return({'names': parts.names, 'first': parts.first | join('\n'), 'second': parts.second | join('\n'), 'last': last}) }}
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

{# Repeat each line that names a slot once per slot of its attribute; without counts once, which gives the shape. #}
{% macro pulse_fill_slots(sql, counts) %}
    {%- set parts = [] -%}
    {#- text and lines with a slot in turn: a loop over every line would take longer than the query -#}
    {%- for part in modules.re.split('(?m)^(.*__pulse_slot_.*)$', sql) -%}
        {%- if loop.index % 2 -%}{%- do parts.append(part) -%}
        {%- else -%}
            {%- set slot = modules.re.search('__pulse_slot_(\\w+?)__', part) -%}
            {%- set lines = [] -%}
            {%- for n in range(1, 1 + (counts.get(slot.group(1), 0) if counts is not none else 1)) -%}
                {%- do lines.append(part.replace(slot.group(0), n | string)) -%}
            {%- endfor -%}
            {%- do parts.append(lines | join('\n')) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(parts | join('')) }}
{% endmacro %}

{# Slots per attribute, once bucket_slots is there. #}
{% macro pulse_slot_counts() %}
    {%- set counts = {} -%}
    {%- for row in run_query('select attribute, max(slot) from bucket_slots group by attribute') -%}
        {%- do counts.update({row[0]: row[1] | int}) -%}
    {%- endfor -%}
    {{ return(counts) }}
{% endmacro %}

{# A step as a temporary table of this connection; its name is always qualified, so nobody's own table can be meant. #}
{% macro pulse_temporary(name) %}{{ return(adapter.dispatch('pulse_temporary', 'pulse')(name)) }}{% endmacro %}

{% macro default__pulse_temporary(name) %}{{ return(name) }}{% endmacro %}

{% macro duckdb__pulse_temporary(name) %}{{ return('temp.' ~ name) }}{% endmacro %}

{% macro postgres__pulse_temporary(name) %}{{ return('pg_temp.' ~ name) }}{% endmacro %}
