{# The segments that were snapshotted with another rule on the day before, where that rule is known. #}
{% macro pulse_edited(at) %}
select l.segment_no, p.segment_no as previous_no, p.rule_text as previous_rule
from segment_list as l
inner join (
    {{ pulse.pulse_stored_rules(at.before) }}
) as s on s.segment_id = l.segment_id and s.rule_hash <> l.rule_hash
inner join segment_list as p on p.segment_id = l.segment_id and p.rule_hash = s.rule_hash and not p.watched and p.problem = ''
where l.watched and l.problem = ''
{%- endmacro %}

{# Moves from pattern to pattern: only rows whose bits changed, that came or that went can have entered or left a segment whose rule is
   the same. Of an edited one, every row may have moved. #}
{% macro pulse_moves(spec) %}
    {%- set keep = [] -%}
    {%- set changed = [] -%}
    {%- for w in range(spec.words) -%}
        {%- do keep.extend(['t.b' ~ w, 't.g' ~ w, 't.w' ~ w]) -%}
        {%- do changed.append('t.w' ~ w ~ ' <> t.b' ~ w ~ ' or t.g' ~ w ~ ' <> t.b' ~ w) -%}
    {%- endfor -%}
select
    row_number() over (order by t.members) as move_id,
    t.was_here,
    t.is_here,
    {{ keep | join(', ') }},
    was.pattern_id as was_id,
    aged.pattern_id as aged_id,
    now.pattern_id as now_id,
    t.members
from transitions as t
left join patterns as was on t.was_here and {{ pulse.pulse_same_words(spec, 'was.w', 't.b') }}
left join patterns as aged on t.was_here and {{ pulse.pulse_same_words(spec, 'aged.w', 't.g') }}
left join patterns as now on t.is_here and {{ pulse.pulse_same_words(spec, 'now.w', 't.w') }}
where not t.was_here or not t.is_here or exists (select 1 from edited) or {{ changed | join(' or ') }}
{%- endmacro %}

{# Who entered or left a segment by which move, and what the rule says of the row before (`was`), aged, and now. For an edited segment the
   rule before counts for the day before, and `same` says what the rule of now makes of that day. #}
{% macro pulse_segment_moves(spec) %}
    {%- set was = '(' ~ pulse.pulse_any_bit('v.was', 'l.segment_mask') ~ ')' -%}
    {%- set aged = '(' ~ pulse.pulse_any_bit('v.aged', 'l.segment_mask') ~ ')' -%}
    {%- set now = '(' ~ pulse.pulse_any_bit('v.now', 'l.segment_mask') ~ ')' -%}
    {%- for q in range(pulse.pulse_segment_words(spec)) %}
select l.segment_no, v.move_id, {{ was }} as was_member, {{ aged }} as aged_member, {{ now }} as now_member, {{ was }} as same_member
from (
    select v.move_id, coalesce(was.satisfied, 0) as was, coalesce(aged.satisfied, 0) as aged, coalesce(now.satisfied, 0) as now
    from moves as v
    left join judged_{{ q }} as was on was.pattern_id = v.was_id
    left join judged_{{ q }} as aged on aged.pattern_id = v.aged_id
    left join judged_{{ q }} as now on now.pattern_id = v.now_id
) as v
inner join segment_list as l on l.segment_word = {{ q }} and l.watched and l.problem = ''
    and {{ was }} <> {{ now }} and l.segment_no not in (select e.segment_no from edited as e)
where v.was <> v.now
union all
    {%- endfor %}
select
    e.segment_no, v.move_id,
    was.pattern_id is not null as was_member, aged.pattern_id is not null as aged_member,
    now.pattern_id is not null as now_member, same.pattern_id is not null as same_member
from moves as v
cross join edited as e
left join segment_patterns as was on was.segment_no = e.previous_no and was.pattern_id = v.was_id
left join segment_patterns as aged on aged.segment_no = e.segment_no and aged.pattern_id = v.aged_id
left join segment_patterns as now on now.segment_no = e.segment_no and now.pattern_id = v.now_id
left join segment_patterns as same on same.segment_no = e.segment_no and same.pattern_id = v.was_id
where (was.pattern_id is null) <> (now.pattern_id is null)
{%- endmacro %}

{# Members who moved, by direction, cause and the leaves that flipped. The cause is the last step that changed the membership: the edit,
   time, the data of a leaf, a new or a vanished row. A leaf counts as flipped when it turned in the direction that the rule needs. #}
{% macro pulse_changes(spec) %}
    {%- set flipped = [] -%}
    {%- for w in range(spec.words) -%}{%- do flipped.append('flipped' ~ w) -%}{%- endfor -%}
    {%- set keys = (['segment_no', 'direction', 'cause'] + flipped) | join(', ') %}
with

caused as (
    select
        s.segment_no,
        s.move_id,
        case
            when not v.was_here then 'row_new'
            when not v.is_here then 'row_gone'
            when s.aged_member <> s.now_member then 'leaf'
            when s.same_member <> s.aged_member then 'aged'
            else 'edited'
        end as cause,
        case when s.now_member then 'gained' else 'lost' end as direction
    from segment_moves as s
    inner join moves as v on v.move_id = s.move_id
),

turned as (
    select
        move_id,
        members
        {%- for w in range(spec.words) %},
        w{{ w }} - {{ pulse.pulse_and('w' ~ w, 'g' ~ w) }} as leaf_on{{ w }},
        g{{ w }} - {{ pulse.pulse_and('g' ~ w, 'w' ~ w) }} as leaf_off{{ w }},
        g{{ w }} - {{ pulse.pulse_and('g' ~ w, 'b' ~ w) }} as aged_on{{ w }},
        b{{ w }} - {{ pulse.pulse_and('b' ~ w, 'g' ~ w) }} as aged_off{{ w }}
        {%- endfor %}
    from moves
),

flips as (
    select
        c.segment_no, c.direction, c.cause, t.members
        {%- for w in range(spec.words) %},
        case
            {%- for cause in ['leaf', 'aged'] %}{% for direction, first, second in [('gained', 'on', 'off'), ('lost', 'off', 'on')] %}
            when c.cause = '{{ cause }}' and c.direction = '{{ direction }}'
                then {{ pulse.pulse_and('t.' ~ cause ~ '_' ~ first ~ w, 'l.for' ~ w) }} + {{ pulse.pulse_and('t.' ~ cause ~ '_' ~ second ~ w, 'l.against' ~ w) }}
            {%- endfor %}{% endfor %}
            else 0
        end as flipped{{ w }}
        {%- endfor %}
    from caused as c
    inner join turned as t on t.move_id = c.move_id
    inner join segment_list as l on l.segment_no = c.segment_no
)

select {{ keys }}, sum(members) as members
from flips
group by {{ keys }}
{%- endmacro %}

{# The moves out of segments (was_member) or into them (now_member). #}
{% macro pulse_movers(side) %}
select s.segment_no, s.move_id, v.members
from segment_moves as s
inner join moves as v on v.move_id = s.move_id
where s.{{ side }}
{%- endmacro %}
