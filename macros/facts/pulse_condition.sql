{# One compiled condition as a number: the sum of the bits of its leaves that are true. `day` is ISO text, `source` the rows that it is
   read from (today, before or aged). A condition is one of
   {sql}                                 the number itself: it says the same on every day
   {days, cuts, rest, none}              a date column: [[edge, bits], ..] is `bits` for a date later than `edge` days before the day
   {event, column, test, mask}           a count or an aggregate of an event group; {negated, empty} as compiled
   {matches: [column, pattern], mask}    a regular expression, which warehouses spell in different ways #}
{% macro pulse_condition(condition, day, source) %}
    {%- if 'sql' in condition -%}
        {{ return(condition.sql) }}
    {%- elif 'matches' in condition -%}
        {{ return('case when ' ~ pulse.pulse_matches(*condition.matches) ~ ' then ' ~ condition.mask ~ ' else 0 end') }}
    {%- elif 'event' in condition -%}
        {%- set value = source ~ '_' ~ condition.event ~ '_' ~ condition.column -%}
        {%- set value = 'coalesce(' ~ value ~ ', 0)' if condition.empty else value -%}
        {%- set test = 'not coalesce(' ~ value ~ ' ' ~ condition.test ~ ', false)' if condition.negated else value ~ ' ' ~ condition.test -%}
        {{ return('case when ' ~ test ~ ' then ' ~ condition.mask ~ ' else 0 end') }}
    {%- endif -%}
    {%- set branches = [] -%}
    {%- if condition.none != condition.rest -%}{#- a null passes every comparison by -#}
        {%- do branches.append(' when ' ~ condition.days ~ ' is null then ' ~ condition.none) -%}
    {%- endif -%}
    {%- for edge, bits in condition.cuts -%}
        {%- do branches.append(' when cast(' ~ condition.days ~ ' as date) > ' ~ pulse.pulse_date(day, edge) ~ ' then ' ~ bits) -%}
    {%- endfor -%}
    {{ return('case' ~ branches | join ~ ' else ' ~ condition.rest ~ ' end' if branches else condition.rest | string) }}
{% endmacro %}

{# The conditions of a word as one sum; `which` is lasting (the same on every day), relative (time alone can change it) or all. #}
{% macro pulse_word(spec, word, day, source, which='all') %}
    {%- set parts = [] -%}
    {%- for c in spec.conditions if c.word == word and (which == 'all' or (which == 'relative') == c.get('relative', false)) -%}
        {%- do parts.append(pulse.pulse_condition(c, day, source)) -%}
    {%- endfor -%}
    {{ return('cast(' ~ (parts | join('\n        + ') or '0') ~ ' as bigint)') }}
{% endmacro %}
