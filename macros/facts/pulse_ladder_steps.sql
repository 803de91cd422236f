{# The way to the person, for channels that declare it (`spec.reach_steps`): who fails which condition is a flag of the row (pulse_lost_flags), and what
   the destination did is joined to the rows of the date. Per channel with a destination three steps, none where none is declared. #}
{% macro pulse_ladder_steps(spec, at) %}
    {%- set steps = [] -%}
    {%- for channel, way in spec.get('reach_steps', {}).items() if way.get('destination') -%}
        {%- do steps.append(['outcomes_' ~ channel, pulse.pulse_outcomes(spec, channel, at)]) -%}
        {%- do steps.append(['outcome_counts_' ~ channel, pulse.pulse_outcome_counts(spec, channel)]) -%}
        {%- do steps.append(['rungs_' ~ channel, pulse.pulse_rungs(channel, way)]) -%}
    {%- endfor -%}
    {{ return(steps) }}
{% endmacro %}

{# The flags of members who are lost before they can be reached, {name: bit}, behind those of the channels: the first condition that a row fails. #}
{% macro pulse_lost_bits(spec) %}
    {%- set bits = {} -%}
    {%- for channel, way in spec.get('reach_steps', {}).items() -%}{%- for condition in way.conditions -%}
        {%- do bits.update({'lost_' ~ channel ~ '_' ~ loop.index0: 2 ** (2 + spec.reach | length + bits | length)}) -%}
    {%- endfor -%}{%- endfor -%}
    {{ return(bits) }}
{% endmacro %}

{# These flags of a row, as terms of a sum. #}
{% macro pulse_lost_flags(spec) %}
    {%- set bits = pulse.pulse_lost_bits(spec) -%}
    {%- set terms = [] -%}
    {%- for channel, way in spec.get('reach_steps', {}).items() -%}
        {%- set term = namespace(sql='0') -%}
        {%- for step, reason, sql in way.conditions | reverse -%}
            {%- set term.sql = 'case when ' ~ sql ~ ' then ' ~ term.sql ~ ' else ' ~ bits['lost_' ~ channel ~ '_' ~ (loop.revindex0)] ~ ' end' -%}
        {%- endfor -%}
        {%- do terms.append(term.sql) -%}
    {%- endfor -%}
    {{ return(terms) }}
{% endmacro %}

{# What is wrong with a destination on this build, '' when nothing is. #}
{% macro pulse_destination_problem(channel, way, broken) %}
    {%- set columns = [] -%}
    {%- for column in way.destination.columns -%}{%- do columns.append('reach.' ~ channel ~ '.' ~ column) -%}{%- endfor -%}
    {{ return(pulse.pulse_broken_reason(broken, columns)) }}
{% endmacro %}

{# What the destination did last with each key, and with each segment where it names them: (entity_key, segment_id, outcome, reason). A segment of which
   the destination has no row on the date itself has none at all: the sync did not run. #}
{% macro pulse_outcomes(spec, channel, at) %}
    {%- set d = spec.reach_steps[channel].destination -%}
    {%- set names = d.get('names', {}) -%}
    {%- set key = pulse.pulse_quoted(d.key, names) -%}
    {%- set happened_on = 'cast(' ~ pulse.pulse_quoted(d.at, names) ~ ' as date)' -%}
    {%- set status = 'cast(' ~ pulse.pulse_quoted(d.status, names) ~ ' as ' ~ dbt.type_string() ~ ')' -%}
    {%- set worst_last = ['unknown', 'synced', 'accepted', 'rejected', 'bounced', 'unsubscribed'] -%}
    {%- if pulse.pulse_destination_problem(channel, spec.reach_steps[channel], at.seen.broken) %}
select entity_key, cast('' as {{ dbt.type_string() }}) as segment_id, '' as outcome, cast(null as {{ dbt.type_string() }}) as reason from today_bits where 1 = 0
    {%- else %}
with

happened as (
    select
        cast({{ key }} as {{ dbt.type_string() }}) as entity_key,
        {{ 'cast(' ~ pulse.pulse_quoted(d.segment, names) ~ ' as ' ~ dbt.type_string() ~ ')' if d.segment else "''" }} as segment_id,
        {{ happened_on }} as happened_on,
        cast({{ pulse.pulse_quoted(d.at, names) }} as {{ dbt.type_timestamp() }}) as happened_at,
        case
            {%- for outcome, words in d.statuses %}
            when {{ status }} in ({% for word in words %}{{ pulse.pulse_literal(word) }}{{ ', ' if not loop.last }}{% endfor %}) then '{{ outcome }}'
            {%- endfor %}
            else 'unknown'
        end as outcome,
        {{ 'cast(' ~ pulse.pulse_quoted(d.reason, names) if d.reason else 'cast(null' }} as {{ dbt.type_string() }}) as reason
    from {{ pulse.pulse_relation(d.relation) }}
    where {{ happened_on }} >= {{ pulse.pulse_date(at.day, d.max_age_days) }}
        and {{ happened_on }} <= {{ pulse.pulse_date(at.day) }}
        and {{ key }} is not null
),

placed as (
    select
        *,
        max(happened_on) over (partition by segment_id) as newest,
        row_number() over (
            partition by entity_key, segment_id
            order by happened_at desc, case outcome {% for word in worst_last %}when '{{ word }}' then {{ loop.index }} {% endfor %}end desc, reason
        ) as place
    from happened
)

select entity_key, segment_id, outcome, reason
from placed
where place = 1 and newest = {{ pulse.pulse_date(at.day) }}
    {%- endif %}
{%- endmacro %}

{# The reachable rows of the date by pattern and outcome: (pattern_id, segment_id, outcome, reason, members). Of the reasons the 20 largest are told
   that at least five people share, and none with the shape of a mail or a phone. #}
{% macro pulse_outcome_counts(spec, channel) %}
    {%- set digits = namespace(left='reason') -%}
    {%- for c in '0123456789 ()+-./' -%}{%- set digits.left = "replace(" ~ digits.left ~ ", '" ~ c ~ "', '')" -%}{%- endfor %}
with

counted as (
    select p.pattern_id, o.segment_id, o.outcome, o.reason, count(*) as members
    from today_bits as t
    inner join patterns as p on {{ pulse.pulse_same_words(spec, 'p.w', 't.w') }}
    inner join outcomes_{{ channel }} as o on o.entity_key = cast(t.entity_key as {{ dbt.type_string() }})
    where {{ pulse.pulse_any_bit('t.flags', pulse.pulse_flag_bits(spec)['reach_' ~ channel]) }}
    group by p.pattern_id, o.segment_id, o.outcome, o.reason
),

told as (
    select
        outcome,
        reason,
        case
            when sum(members) < 5 or row_number() over (order by sum(members) desc, outcome, reason) > 20 then '(other)'
            when reason like '%_@_%._%' or (length(reason) between 8 and 24 and {{ digits.left }} = '') then '(hidden)'
            else substr(reason, 1, 100)
        end as shown
    from counted
    where reason <> ''
    group by outcome, reason
)

select c.pattern_id, c.segment_id, c.outcome, coalesce(t.shown, '') as reason, sum(c.members) as members
from counted as c
left join told as t on t.outcome = c.outcome and t.reason = c.reason
group by c.pattern_id, c.segment_id, c.outcome, coalesce(t.shown, '')
{%- endmacro %}

{# The same by segment: (segment_id, outcome, reason, members). #}
{% macro pulse_rungs(channel, way) %}
select l.segment_id, c.outcome, c.reason, sum(c.members) as members
from outcome_counts_{{ channel }} as c
inner join segment_patterns as m on m.pattern_id = c.pattern_id
inner join segment_list as l on l.segment_no = m.segment_no and l.watched
    {%- if way.destination.segment %} and l.segment_id = c.segment_id{% endif %}
    {%- if way.segments %} and l.segment_id in ('{{ way.segments | join("', '") }}'){% endif %}
group by l.segment_id, c.outcome, c.reason
{%- endmacro %}

{# The ladder of all channels that declare it, as facts: `ladder_<step>` with the reason in `bucket`, '' for those who got through the step. Those who got
   through a step and those who were lost there are those who got through the step before it. #}
{% macro pulse_ladder_facts(spec, broken) %}
    {%- for channel, way in spec.get('reach_steps', {}).items() -%}
        {%- set not_eligible = [] -%}
        {%- for step, reason, sql in way.conditions if step == 'eligible' -%}{%- do not_eligible.append(' - lost_' ~ channel ~ '_' ~ loop.index0) -%}{%- endfor %}
    union all
    select segment_id, 'ladder_rule', '{{ channel }}', '', '', members from sums
    union all
    select segment_id, 'ladder_eligible', '{{ channel }}', '', '', members{{ not_eligible | join }} from sums
    union all
    select segment_id, 'ladder_reachable', '{{ channel }}', '', '', reach_{{ channel }} from sums
        {%- for step, reason, sql in way.conditions %}
        {%- set lost = 'lost_' ~ channel ~ '_' ~ loop.index0 %}
    union all
    select segment_id, 'ladder_{{ step }}', '{{ channel }}', '{{ reason }}', '', {{ lost }} from sums where {{ lost }} > 0
        {%- endfor -%}
        {%- if way.get('destination') %}{{ pulse.pulse_destination_facts(channel, way, broken) }}{% endif -%}
    {%- endfor -%}
{%- endmacro %}

{# The last steps: what the destination took, and what it accepted. #}
{% macro pulse_destination_facts(channel, way, broken) %}
    {%- set problem = pulse.pulse_destination_problem(channel, way, broken) -%}
    {%- set sent -%}
        (
            select s.segment_id, max(s.reach_{{ channel }}) as reachable, coalesce(sum(r.members), 0) as synced,
                coalesce(sum(case when r.outcome = 'accepted' then r.members end), 0) as accepted
            from sums as s
            left join rungs_{{ channel }} as r on r.segment_id = s.segment_id
            {%- if way.segments %}
            where s.segment_id in ('{{ way.segments | join("', '") }}')
            {%- endif %}
            group by s.segment_id
        ) as sent
    {%- endset %}
    union all
    select segment_id, 'ladder_synced', '{{ channel }}', '', '', synced from {{ sent }}
    union all
    select
        segment_id, 'ladder_synced', '{{ channel }}',
        {%- if problem %}
        {{ pulse.pulse_literal(problem) }},
        {%- else %}
        case
            when exists (select 1 from outcomes_{{ channel }} as o{% if way.destination.segment %} where o.segment_id = sent.segment_id{% endif %}) then 'not synced'
            else 'no rows of the destination'
        end,
        {%- endif %}
        '', reachable - synced
    from {{ sent }}
    where reachable > synced
        {%- if way.last_step == 'accepted' %}
    union all
    select segment_id, 'ladder_accepted', '{{ channel }}', '', '', accepted from {{ sent }}
    union all
    select
        r.segment_id, 'ladder_accepted', '{{ channel }}',
        case r.outcome when 'synced' then 'no answer' when 'unknown' then 'unknown status' else r.outcome end
        || case when r.reason = '' then '' else ': ' || r.reason end,
        '', r.members
    from rungs_{{ channel }} as r
    inner join sums as s on s.segment_id = r.segment_id
    where r.outcome <> 'accepted'
        {%- endif -%}
{%- endmacro %}
