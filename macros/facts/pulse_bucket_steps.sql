{# How many buckets of each attribute can be kept apart, (other) included, as [name, slots, slots of the attributes before it]. #}
{% macro pulse_slot_bases(spec) %}
    {%- set bases = [] -%}
    {%- set so_far = [0] -%}
    {%- for attribute in spec.attributes -%}
        {%- do bases.append([attribute.name, attribute.slots, so_far[-1]]) -%}
        {%- do so_far.append(so_far[-1] + attribute.slots) -%}
    {%- endfor -%}
    {{ return(bases) }}
{% endmacro %}

{# Every bucket of the date with its number within the attribute, the largest first, and over all attributes; small ones share the last.
   So a row carries whole numbers instead of texts, and a pattern or a segment and a bucket are one whole number to group by. #}
{% macro pulse_bucket_slots(spec, at) %}
    {%- set bases = pulse.pulse_slot_bases(spec) -%}
    {%- set names = spec.attributes | map(attribute='name') | list %}
with

today as (
    {{ pulse.pulse_rows(dict(spec, event_groups=[]), at, 'today') | indent(4) }}
),

bucket_totals as (
    select
        case {% for name in names %}when bucket_{{ name }} is not null then '{{ name }}' {% endfor %}end as attribute,
        coalesce(bucket_{{ names | join(', bucket_') }}) as bucket,
        count(*) as members
    from (
        select
            {% for attribute in spec.attributes %}{{ attribute.sql }} as bucket_{{ attribute.name }}{{ ',\n            ' if not loop.last }}{% endfor %}
        from today
    ) as named
    group by grouping sets ((bucket_{{ names | join('), (bucket_') }}))
),

{%- set judged = spec.attributes | selectattr('values', 'defined') | selectattr('values', 'equalto', 'judged') | map(attribute='name') | list %}
{%- set hidden = spec.attributes | selectattr('values', 'defined') | selectattr('values', 'equalto', 'hidden') | map(attribute='name') | list %}
{%- if judged %}
refused_attributes as (
    {{ pulse.pulse_refused_attributes(judged) | indent(4) }}
),

{% endif -%}
ranked_buckets as (
    select
        attribute,
        bucket,
        {% if hidden %}case when attribute in ('{{ hidden | join("', '") }}') and bucket <> '(null)' then {{ pulse.pulse_hidden_value(spec.entity) }} else bucket end{% else %}bucket{% endif %} as told,
        {% if judged %}case when attribute in (select refused.attribute from refused_attributes as refused) then 1 else 0 end{% else %}0{% endif %} as is_refused,
        row_number() over (partition by attribute order by members desc, bucket) as place,
        case attribute {% for name, slots, base in bases %}when '{{ name }}' then {{ slots - 1 }} {% endfor %}end as top,
        case attribute {% for name, slots, base in bases %}when '{{ name }}' then {{ base }} {% endfor %}end as base
    from bucket_totals
)

select
    attribute,
    bucket,
    case when is_refused = 1 then '(refused)' when place <= top then told else '(other)' end as label,
    cast(case when is_refused = 1 then 1 when place <= top then place else top + 1 end as integer) as slot,
    cast(base + case when is_refused = 1 then 1 when place <= top then place else top + 1 end as integer) as code
from ranked_buckets
{%- endmacro %}

{# The attributes, of those whose values nobody declared, whose values look like people on the date: a value for fewer than three rows, or
   one value of ten with the shape of a mail or a phone, or half of them text of six words. Their values go into no table. #}
{% macro pulse_refused_attributes(names, totals='bucket_totals') %}
    {%- set digits = namespace(left='bucket') -%}
    {%- for c in '0123456789 ()+-./' -%}{%- set digits.left = "replace(" ~ digits.left ~ ", '" ~ c ~ "', '')" -%}{%- endfor -%}
select attribute
from {{ totals }}
where attribute in ('{{ names | join("', '") }}') and bucket <> '(null)'
group by attribute
having (sum(members) >= 20 and count(*) * 3 > sum(members))
    or sum(case when bucket like '%_@_%._%' then 1 else 0 end) * 10 >= count(*)
    or sum(case when length(bucket) between 8 and 24 and {{ digits.left }} = '' and (bucket like '+%' or bucket like '(%' or bucket like '0%') then 1 else 0 end) * 10 >= count(*)
    or sum(case when length(bucket) > 40 and length(bucket) - length(replace(bucket, ' ', '')) >= 5 then 1 else 0 end) * 2 >= count(*)
{%- endmacro %}

{# What stands for a value that is hidden: the same for the same value of the attribute, on all dates. #}
{% macro pulse_hidden_value(entity) %}'value ' || substr({{ dbt.hash("'" ~ entity ~ "|' || attribute || '|' || bucket") }}, 1, 10){% endmacro %}

{# The joins that give a row of `today` the number of its bucket of each attribute: code_<attribute>. #}
{% macro pulse_slot_joins(spec) %}
    {%- for attribute in spec.attributes %}
left join bucket_slots as slot_of_{{ attribute.name }} on slot_of_{{ attribute.name }}.attribute = '{{ attribute.name }}' and slot_of_{{ attribute.name }}.bucket = {{ attribute.sql }}
    {%- endfor -%}
{%- endmacro %}

{# The members of each pattern by bucket number. #}
{% macro pulse_bucket_counts(spec) %}
    {%- set span = 1 + spec.attributes | map(attribute='slots') | sum %}
select cast((packed - packed % {{ span }}) / {{ span }} as integer) as pattern_id, cast(packed % {{ span }} as integer) as code, members
from (
    {%- for attribute in spec.attributes %}
    select cast(pattern_id as bigint) * {{ span }} + code_{{ attribute.name }} as packed, cast(count(*) as integer) as members from today_patterns group by 1
    {{ 'union all' if not loop.last }}
    {%- endfor %}
) as counted
{%- endmacro %}

{# The members of each segment by attribute and bucket: (segment_no, attribute, bucket, members). #}
{% macro pulse_segment_buckets(spec, slots) %}
    {%- if not spec.attributes -%}
select 0 as segment_no, '' as attribute, '' as bucket, 0 as members where 1 = 0
    {%- elif pulse.pulse_is_wide(spec) -%}
{{ pulse.pulse_wide_buckets(spec, slots) }}
    {%- else -%}
    {%- set span = 1 + spec.attributes | map(attribute='slots') | sum -%}
select s.segment_no, b.attribute, b.label as bucket, s.members
from (
    select
        cast((packed - packed % {{ span }}) / {{ span }} as integer) as segment_no,
        cast(packed % {{ span }} as integer) as code,
        members
    from (
        select m.segment_no * {{ span }} + c.code as packed, sum(c.members) as members
        from segment_patterns as m
        inner join bucket_counts as c on c.pattern_id = m.pattern_id
        group by 1
    ) as bucket_sums
) as s
inner join (select distinct attribute, label, code from bucket_slots) as b on b.code = s.code
    {%- endif -%}
{%- endmacro %}
