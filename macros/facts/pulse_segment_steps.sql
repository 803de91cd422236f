{# One row per judged rule: its number and hash, its place in the segment words, what is wrong with its columns, and its leaf masks. The
   first rule of a segment is the one of now (`watched`); the others are earlier ones, judged to tell an edit from the data. #}
{% macro pulse_segment_list(spec, broken) %}
    {%- set masks = [] -%}
    {%- for w in range(spec.words) -%}{%- do masks.extend(['for' ~ w, 'against' ~ w]) -%}{%- endfor -%}
    {%- set names = 'segment_no, segment_id, watched, rule_hash, rule_text, segment_word, problem' -%}
    {%- if not spec.rules -%}
select 0 as segment_no, '' as segment_id, false as watched, '' as rule_hash, '' as rule_text, 0 as segment_word, '' as problem,
    cast(0 as bigint) as segment_mask
    {%- for mask in masks %}, cast(0 as bigint) as {{ mask }}{% endfor %}
where 1 = 0
    {%- else -%}
    {%- set rows = [] -%}
    {%- for rule in spec.rules -%}
        {%- set n = loop.index0 -%}
        {%- set watched = 'true' if n == 0 or spec.rules[n - 1].segment != rule.segment else 'false' -%}
        {%- set numbers = [] -%}
        {%- for w in range(spec.words) -%}{%- do numbers.extend([rule['for'][w] | string, rule.against[w] | string]) -%}{%- endfor -%}
        {%- set problem = pulse.pulse_literal(pulse.pulse_broken_reason(broken, rule.columns)) if broken else "''" -%}
        {%- do rows.append('(' ~ [n, "'" ~ rule.segment ~ "'", watched, "'" ~ rule.hash ~ "'", "'" ~ (rule.rule | replace("'", "''")) ~ "'", n // 62, problem, 2 ** (n % 62)] | join(', ')
            ~ ', ' ~ numbers | join(', ') ~ ')') -%}
    {%- endfor -%}
select
    {{ names }},
    cast(segment_mask as bigint) as segment_mask,
    {% for mask in masks %}cast({{ mask }} as bigint) as {{ mask }}{{ ', ' if not loop.last }}{% endfor %}
from (values
    {{ rows | join(',\n    ') }}
) as listed ({{ names }}, segment_mask, {{ masks | join(', ') }})
    {%- endif -%}
{%- endmacro %}

{# Which rules of one segment word each pattern satisfies, as bits. #}
{% macro pulse_judged(spec, q) %}
    {%- set parts = [] -%}
    {%- for rule in spec.rules[q * 62:(q + 1) * 62] -%}
        {%- do parts.append('case when ' ~ rule.sql ~ ' then ' ~ 2 ** loop.index0 ~ ' else 0 end -- ' ~ rule.segment) -%}
    {%- endfor -%}
select
    pattern_id,
    cast(
        {{ pulse.pulse_bitwise(parts | join('\n        + ')) }}
    as bigint) as satisfied
from patterns
{%- endmacro %}

{# Which patterns are members of which rules. #}
{% macro pulse_segment_patterns(spec) %}
    {%- if not spec.rules -%}
select segment_no, 0 as pattern_id from segment_list where 1 = 0
    {%- endif -%}
    {%- for q in range(pulse.pulse_segment_words(spec)) %}
select l.segment_no, p.pattern_id
from judged_{{ q }} as p
inner join segment_list as l on l.segment_word = {{ q }} and l.problem = '' and {{ pulse.pulse_any_bit('p.satisfied', 'l.segment_mask') }}
{{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The rows of the date by pattern. #}
{% macro pulse_today_patterns(spec) %}
select p.pattern_id, t.flags{% if spec.get('amount') %}, t.amount{% endif %}{% for attribute in spec.attributes %}, t.code_{{ attribute.name }}{% endfor %}
from today_bits as t
inner join patterns as p on {{ pulse.pulse_same_words(spec, 'p.w', 't.w') }}
{%- endmacro %}

{# What a flag counts: {name: bit}. #}
{% macro pulse_flag_bits(spec) %}
    {%- set bits = {'inactive': 1} -%}
    {%- for channel in spec.reach -%}{%- do bits.update({'reach_' ~ channel: 2 ** (loop.index0 + 2)}) -%}{%- endfor -%}
    {%- do bits.update(pulse.pulse_lost_bits(spec)) -%}
    {{ return(bits) }}
{% endmacro %}

{# Members, inactive and reachable members per pattern. #}
{% macro pulse_pattern_counts(spec) %}
select
    pattern_id,
    count(*) as members
    {%- for name, bit in pulse.pulse_flag_bits(spec).items() %},
    count(case when {{ pulse.pulse_any_bit('flags', bit) }} then 1 end) as {{ name }}
    {%- endfor %}
    {%- if spec.get('amount') %},
    sum(amount) as amount
    {%- endif %}
from today_patterns
group by pattern_id
{%- endmacro %}
