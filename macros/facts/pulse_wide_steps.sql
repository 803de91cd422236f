{# Buckets of very many segments: the counts of a pattern stand in one row, one column per bucket, so that a segment is one sum over its
   patterns. Below 200 segments, joining buckets to segments is faster. Both give the same rows. #}
{% macro pulse_is_wide(spec) %}{{ return(spec.rules | length >= var('pulse_wide_from', 200)) }}{% endmacro %}

{# The attributes in groups whose buckets fit one wide row: [[attribute, ..], ..]. A row of integers must fit a page of Postgres, and its
   columns stay below 1,600. #}
{% macro pulse_bundles(spec) %}
    {%- set bundles = [] -%}
    {%- set room = [0] -%}
    {%- for attribute in spec.attributes -%}
        {%- if not bundles or attribute.slots > room[-1] -%}
            {%- do bundles.append([]) -%}{%- do room.append(1100) -%}
        {%- endif -%}
        {%- do bundles[-1].append(attribute.name) -%}
        {%- do room.append(room[-1] - attribute.slots) -%}
    {%- endfor -%}
    {{ return(bundles) }}
{% endmacro %}

{# The numbers of the buckets that an attribute has on the date; one while that is not known, which gives the shape. #}
{% macro pulse_slots_of(slots, attribute) %}{{ return(range(1, 1 + (slots.get(attribute, 0) if slots is not none else 1))) }}{% endmacro %}

{# Per bundle one wide row per pattern, and its sum per segment. `slots` are the buckets per attribute. #}
{% macro pulse_wide_steps(spec, slots) %}
    {%- set steps = [] -%}
    {%- set bases = {} -%}
    {%- set sizes = {} -%}
    {%- for name, size, base in pulse.pulse_slot_bases(spec) -%}{%- do bases.update({name: base}) -%}{%- do sizes.update({name: size}) -%}{%- endfor -%}
    {%- for bundle in pulse.pulse_bundles(spec) -%}
        {%- set ctes = [] -%}
        {%- set columns = [] -%}
        {%- set sums = [] -%}
        {%- for name in bundle -%}
            {%- set counted = [] -%}
            {%- for n in pulse.pulse_slots_of(slots, name) -%}
                {%- do counted.append('cast(sum(case when code = ' ~ (bases[name] + n) ~ ' then members else 0 end) as integer) as n' ~ n) -%}
                {%- do columns.append('wide_' ~ name ~ '.n' ~ n ~ ' as ' ~ name ~ '_' ~ n) -%}
                {%- do sums.append('cast(sum(c.' ~ name ~ '_' ~ n ~ ') as integer) as ' ~ name ~ '_' ~ n) -%}
            {%- endfor -%}
            {%- do ctes.append('wide_' ~ name ~ ' as (\n    select\n        pattern_id,\n        ' ~ (counted + ['cast(sum(members) as integer) as members']) | join(',\n        ')
                ~ '\n    from bucket_counts\n    where code > ' ~ bases[name] ~ ' and code <= ' ~ (bases[name] + sizes[name]) ~ '\n    group by pattern_id\n)') -%}
        {%- endfor -%}
        {%- set joins = [] -%}
        {%- for name in bundle[1:] -%}
            {%- do joins.append('\ninner join wide_' ~ name ~ ' on wide_' ~ name ~ '.pattern_id = wide_' ~ bundle[0] ~ '.pattern_id') -%}
        {%- endfor -%}
        {%- set first = 'wide_' ~ bundle[0] -%}
        {%- do steps.append(['bundle_' ~ loop.index0, 'with\n\n' ~ ctes | join(',\n\n') ~ '\n\nselect\n    ' ~ (columns + [first ~ '.pattern_id']) | join(',\n    ') ~ '\nfrom ' ~ first ~ joins | join]) -%}
        {%- do steps.append(['bundle_sums_' ~ loop.index0, 'select\n    ' ~ (sums + ['m.segment_no']) | join(',\n    ') ~ '\nfrom segment_patterns as m\ninner join bundle_' ~ loop.index0
            ~ ' as c on c.pattern_id = m.pattern_id\ngroup by m.segment_no']) -%}
    {%- endfor -%}
    {{ return(steps) }}
{% endmacro %}

{# The sums of all bundles as rows: (segment_no, attribute, bucket, members). #}
{% macro pulse_wide_buckets(spec, slots) %}
    {%- for bundle in pulse.pulse_bundles(spec) %}
select w.segment_no, s.attribute, s.label as bucket, w.members
from (
    {{ pulse.pulse_unpivot('bundle_sums_' ~ loop.index0, bundle, slots) | indent(4) }}
) as w
inner join (select distinct attribute, label, slot from bucket_slots) as s on s.attribute = w.attribute and s.slot = w.slot
where w.members > 0
{{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
