{# One row per key of the date: leaf words w0.., flags (1 inactive, 2 converted, from 4 on the channels), the number of each bucket and
   the amount. Amounts are decimal, so that their sum is the same in whatever order a warehouse adds;
   one that no decimal holds is none. #}
{% macro pulse_today_bits(spec, at) %}
    {%- set columns = ['today.entity_key'] -%}
    {%- for w in range(spec.words) -%}{%- do columns.append(pulse.pulse_word(spec, w, at.day, 'today') ~ ' as w' ~ w) -%}{%- endfor -%}
    {%- do columns.append(pulse.pulse_flags(spec, at) ~ ' as flags') -%}
    {%- for attribute in spec.attributes -%}{%- do columns.append('slot_of_' ~ attribute.name ~ '.code as code_' ~ attribute.name) -%}{%- endfor -%}
    {%- if spec.get('amount') -%}{%- do columns.append('cast(case when abs(cast(' ~ spec.amount ~ ' as double precision)) < 1e23 then ' ~ spec.amount ~ ' end as decimal(28, 4)) as amount') -%}{%- endif -%}
with
{% for group in spec.get('event_groups', []) %}
today_events_{{ loop.index0 }} as (
    {{ pulse.pulse_event_counts(spec, group, at.seen, at.day, at.day) | indent(4) }}
),
{% endfor %}
today as (
    {{ pulse.pulse_rows(spec, at, 'today') | indent(4) }}
)

select
    {{ columns | join(',\n    ') }}
from today
{{- pulse.pulse_slot_joins(spec) }}
{%- endmacro %}

{# Inactive, converted and reached members as the bits of one integer. #}
{% macro pulse_flags(spec, at) %}
    {%- set parts = ['0'] -%}
    {%- if spec.activity -%}
        {%- set seen_at = spec.activity[0] -%}
        {%- do parts.append('case when ' ~ seen_at ~ ' is null or cast(' ~ seen_at ~ ' as date) < ' ~ pulse.pulse_date(at.day, spec.activity[1]) ~ ' then 1 else 0 end') -%}
    {%- endif -%}
    {%- if spec.conversion -%}
        {%- set event_at = 'cast(' ~ spec.conversion ~ ' as date)' -%}
        {%- do parts.append('case when ' ~ event_at ~ ' > ' ~ pulse.pulse_date(at.before) ~ ' and ' ~ event_at ~ ' <= ' ~ pulse.pulse_date(at.day) ~ ' then 2 else 0 end') -%}
    {%- endif -%}
    {%- for sql in spec.reach.values() -%}
        {%- do parts.append('case when ' ~ sql ~ ' then ' ~ 2 ** (loop.index0 + 2) ~ ' else 0 end') -%}
    {%- endfor -%}
    {%- do parts.extend(pulse.pulse_lost_flags(spec)) -%}
    {{ return('cast(' ~ parts | join('\n        + ') ~ ' as bigint)') }}
{% endmacro %}

{# The day before's rows judged twice: on that day (b0..), and as they would be today had only time passed (g0..). #}
{% macro pulse_before_bits(spec, at) %}
    {%- set judged = ['entity_key'] -%}
    {%- set columns = ['entity_key'] -%}
    {%- for w in range(spec.words) -%}
        {%- do judged.append(pulse.pulse_word(spec, w, at.before, 'before', 'lasting') ~ ' as lasting' ~ w) -%}
        {%- do judged.append(pulse.pulse_word(spec, w, at.before, 'before', 'relative') ~ ' as then' ~ w) -%}
        {%- do judged.append(pulse.pulse_word(spec, w, at.day, 'aged', 'relative') ~ ' as aged' ~ w) -%}
        {%- do columns.append('lasting' ~ w ~ ' + then' ~ w ~ ' as b' ~ w) -%}
        {%- do columns.append('lasting' ~ w ~ ' + aged' ~ w ~ ' as g' ~ w) -%}
    {%- endfor -%}
with
{% for group in spec.get('event_groups', []) %}
before_events_{{ loop.index0 }} as (
    {{ pulse.pulse_event_counts(spec, group, at.seen, at.before, at.before) | indent(4) }}
),

aged_events_{{ loop.index0 }} as (
    {{ pulse.pulse_event_counts(spec, group, at.seen, at.day, at.before) | indent(4) }}
),
{% endfor %}
before as (
    {{ pulse.pulse_rows(spec, at, 'before') | indent(4) }}
)

select
    {{ columns | join(',\n    ') }}
from (
    select
        {{ judged | join(',\n        ') }}
    from before
) as judged
{%- endmacro %}

{# The rows of both days together: how many went from which bits to which. #}
{% macro pulse_transitions(spec) %}
    {%- set keep = [] -%}
    {%- for w in range(spec.words) -%}{%- do keep.extend(['t.w' ~ w, 'b.b' ~ w, 'b.g' ~ w]) -%}{%- endfor -%}
    {%- set here = 'b.entity_key is not null' -%}
    {%- set there = 't.entity_key is not null' -%}
    {%- set converted = here ~ ' and ' ~ there ~ ' and ' ~ pulse.pulse_any_bit('t.flags', 2) -%}
select
    {{ here }} as was_here,
    {{ there }} as is_here,
    {{ keep | join(', ') }},
    {{ converted }} as converted,
    count(*) as members
from today_bits as t
full join before_bits as b on t.entity_key = b.entity_key
group by {{ here }}, {{ there }}, {{ keep | join(', ') }}, {{ converted }}
{%- endmacro %}

{# Every distinct pattern of leaf bits: of the date, of the day before, and of that day aged. #}
{% macro pulse_patterns(spec) %}
    {%- set words = [] -%}
    {%- for w in range(spec.words) -%}{%- do words.append('w' ~ w) -%}{%- endfor %}
with

distinct_patterns as (
    {%- for prefix, here in [('w', 'is_here'), ('b', 'was_here'), ('g', 'was_here')] %}
    select {% for w in range(spec.words) %}{{ prefix }}{{ w }} as w{{ w }}{{ ', ' if not loop.last }}{% endfor %} from transitions where {{ here }}
    {{ 'union' if not loop.last }}
    {%- endfor %}
)

select
    cast(row_number() over (order by w0) as integer) as pattern_id,
    {{ words | join(', ') }}
from distinct_patterns
{%- endmacro %}

{# The comparison of all words of two rows: `p.w0 = t.b0 and p.w1 = t.b1`. #}
{% macro pulse_same_words(spec, left, right) %}
    {%- set parts = [] -%}
    {%- for w in range(spec.words) -%}{%- do parts.append(left ~ w ~ ' = ' ~ right ~ w) -%}{%- endfor -%}
    {{ return(parts | join(' and ')) }}
{% endmacro %}
