{# The rows of an entity's facts model, from its steps. #}
{% macro pulse_fact_rows(spec, at) %}
    {%- set since = 'where ' ~ pulse.pulse_date(at.before) ~ ' is not null' -%}
    {%- set flags = pulse.pulse_flag_bits(spec) -%}
    {%- set compared = ['previous_members', 'entered', 'exited', 'eligible'] + (['converted'] if spec.conversion else []) -%}
    {%- set same_flips = [] -%}
    {%- set flipped = [] -%}
    {%- set hits = [] -%}
    {%- for w in range(spec.words) -%}
        {%- do flipped.append('flipped' ~ w) -%}
        {%- do same_flips.append('n.flipped' ~ w ~ ' = c.flipped' ~ w) -%}
        {%- do hits.append('(l.word = ' ~ w ~ ' and ' ~ pulse.pulse_any_bit('f.flipped' ~ w, 'l.mask') ~ ')') -%}
    {%- endfor %}
with

segment_sums as (
    select m.segment_no, sum(f.members) as members{% for name in flags %}, sum(f.{{ name }}) as {{ name }}{% endfor %}{% if spec.get('amount') %}, sum(f.amount) as amount{% endif %}
    from segment_patterns as m
    inner join pattern_counts as f on f.pattern_id = m.pattern_id
    group by m.segment_no
),

segment_buckets as (
    {{ pulse.pulse_segment_buckets(spec, at.slots) | indent(4) }}
),

previous_rules as (
    select l.segment_no, coalesce(e.previous_no, l.segment_no) as previous_no
    from segment_list as l
    left join edited as e on e.segment_no = l.segment_no
    where l.watched
),

segment_before as (
    select r.segment_no, sum(t.members) as members, sum(t.converted) as converted
    from (
        select
            {% for w in range(spec.words) %}b{{ w }}, {% endfor %}sum(members) as members,
            sum(case when converted then members else 0 end) as converted
        from transitions
        where was_here
        group by {% for w in range(spec.words) %}b{{ w }}{{ ', ' if not loop.last }}{% endfor %}
    ) as t
    inner join patterns as p on {{ pulse.pulse_same_words(spec, 'p.w', 't.b') }}
    inner join segment_patterns as m on m.pattern_id = p.pattern_id
    inner join previous_rules as r on r.previous_no = m.segment_no
    group by r.segment_no
),

leaves as (
    {{ pulse.pulse_leaf_list(spec) }}
),

flip_names as (
    select
        {% for name in flipped %}f.{{ name }}, {% endfor %}
        {{ dbt.listagg('l.leaf', "' + '", 'order by l.place') }} as leaf,
        {{ dbt.listagg('l.leaf_columns', "','", 'order by l.place') }} as leaf_columns
    from (select distinct {{ flipped | join(', ') }} from changes) as f
    inner join leaves as l on {{ hits | join(' or ') }}
    group by {% for name in flipped %}f.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
),

sums as (
    select
        l.segment_id,
        coalesce(n.members, 0) as members,
        {%- for name in flags %}
        coalesce(n.{{ name }}, 0) as {{ name }},
        {%- endfor %}
        {%- if spec.get('amount') %}
        case when coalesce(n.members, 0) = 0 then 0 else n.amount end as amount,
        {%- endif %}
        coalesce(b.members, 0) as previous_members,
        coalesce(b.members, 0) as eligible,
        coalesce(b.converted, 0) as converted,
        coalesce(i.members, 0) as entered,
        coalesce(o.members, 0) as exited
    from segment_list as l
    left join segment_sums as n on n.segment_no = l.segment_no
    left join segment_before as b on b.segment_no = l.segment_no
    left join (select segment_no, sum(members) as members from entries group by segment_no) as i on i.segment_no = l.segment_no
    left join (select segment_no, sum(members) as members from exits group by segment_no) as o on o.segment_no = l.segment_no
    where l.watched and l.problem = ''
),

facts as (
    select segment_id, 'members' as fact, '' as item, '' as bucket, '' as leaf_columns, members from sums
    {%- if spec.activity %}
    union all
    select segment_id, 'inactive', '', '', '', inactive from sums
    {%- endif %}
    {%- for fact in compared %}
    union all
    select segment_id, '{{ fact }}', '', '', '', {{ fact }} from sums {{ since }}
    {%- endfor %}
    {%- for channel in spec.reach %}
    union all
    select segment_id, 'reach', '{{ channel }}', '', '', reach_{{ channel }} from sums
    {%- endfor %}
    {{- pulse.pulse_ladder_facts(spec, at.seen.broken) }}
    union all
    select l.segment_id, 'distribution', d.attribute, d.bucket, '', d.members
    from segment_buckets as d
    inner join segment_list as l on l.segment_no = d.segment_no
    where l.watched
    union all
    select
        l.segment_id, c.direction, c.cause,
        case when c.cause = 'edited' then 'was: ' || e.previous_rule else coalesce(n.leaf, '') end,
        coalesce(n.leaf_columns, ''), c.members
    from changes as c
    inner join segment_list as l on l.segment_no = c.segment_no
    left join flip_names as n on {{ same_flips | join(' and ') }}
    left join edited as e on e.segment_no = c.segment_no
    {{ since }}
    union all
    select '', 'definitions', '{{ pulse.pulse_definitions_hash(spec) }}', '', '', null
    union all
    select
        segment_id, 'status', case when problem = '' then 'ok' when problem like 'upstream %' then 'stale' else 'broken' end, problem, '', null
    from segment_list where watched
    union all
    select segment_id, 'rule', rule_hash, '', '', null from segment_list where watched and problem = ''
    union all
    select f.segment_id, 'flow_to', t.segment_id, '', '', p.members
    from (
        select e.segment_no as from_no, n.segment_no as to_no, sum(e.members) as members
        from exits as e
        inner join entries as n on n.move_id = e.move_id
        {{ since }}
        group by e.segment_no, n.segment_no
    ) as p
    inner join segment_list as f on f.segment_no = p.from_no
    inner join segment_list as t on t.segment_no = p.to_no
    {%- for fact, mine, other in [('flow_to', 'exits', 'entries'), ('flow_from', 'entries', 'exits')] %}
    union all
    select l.segment_id, '{{ fact }}', case when o.move_id is null then '(none)' else '(any)' end, '', '', sum(m.members)
    from {{ mine }} as m
    inner join segment_list as l on l.segment_no = m.segment_no
    left join (select distinct move_id from {{ other }}) as o on o.move_id = m.move_id
    {{ since }}
    group by l.segment_id, case when o.move_id is null then '(none)' else '(any)' end
    {%- endfor %}
)

select
    {{ pulse.pulse_date(at.day) }} as snapshot_date,
    {{ pulse.pulse_date(at.before) }} as previous_date,
    '{{ spec.entity }}' as entity,
    segment_id,
    fact,
    item,
    bucket,
    leaf_columns,
    cast(members as bigint) as members,
    cast(null as double precision) as amount
from facts
{%- if spec.get('amount') %}
union all
select
    {{ pulse.pulse_date(at.day) }}, {{ pulse.pulse_date(at.before) }}, '{{ spec.entity }}', segment_id, 'revenue', '', '', '',
    cast(null as bigint), cast(amount as double precision)
from sums
{%- endif %}
{%- endmacro %}

{# One row per leaf: its bit, its text and the columns that it reads. #}
{% macro pulse_leaf_list(spec) %}
    {%- set rows = [] -%}
    {%- for c in spec.conditions -%}{%- for bit, text in c.leaves -%}
        {%- do rows.append('(' ~ bit // 62 ~ ', ' ~ 2 ** (bit % 62) ~ ', ' ~ bit ~ ", '" ~ (text | replace("'", "''")) ~ "', '" ~ c.columns ~ "')") -%}
    {%- endfor -%}{%- endfor -%}
    {%- if not rows -%}
    select 0 as word, cast(0 as bigint) as mask, 0 as place, '' as leaf, '' as leaf_columns where false
    {%- else -%}
    select word, cast(mask as bigint) as mask, place, leaf, leaf_columns
    from (values
        {{ rows | join(',\n        ') }}
    ) as listed (word, mask, place, leaf, leaf_columns)
    {%- endif -%}
{%- endmacro %}

{# A hash of all that the facts of an entity depend on: its definitions, and the version of what these macros make of them. #}
{% macro pulse_definitions_hash(spec) %}{{ return(local_md5('3|' ~ tojson(spec, sort_keys=true))[:16]) }}{% endmacro %}
