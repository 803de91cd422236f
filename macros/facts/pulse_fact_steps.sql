{# All facts about an entity's segments on one date as {steps, last}: steps are [name, sql], each a table that later ones read, and
   `last` is the query that gives the rows. `at` is {day, before, seen, copies, slots}: the date and the one that it is compared with (ISO
   text), what the warehouse shows (pulse_seen), whether a key stands twice, and the buckets per attribute, none while they are unknown. #}
{% macro pulse_fact_steps(spec, at) %}
    {%- set steps = [] -%}
    {%- if at.copies -%}{%- do steps.append(['copies', pulse.pulse_copies(spec, at)]) -%}{%- endif -%}
    {%- if spec.attributes -%}{%- do steps.append(['bucket_slots', pulse.pulse_bucket_slots(spec, at)]) -%}{%- endif -%}
    {%- do steps.append(['today_bits', pulse.pulse_today_bits(spec, at)]) -%}
    {%- do steps.append(['before_bits', pulse.pulse_before_bits(spec, at)]) -%}
    {%- do steps.append(['transitions', pulse.pulse_transitions(spec)]) -%}
    {%- do steps.append(['patterns', pulse.pulse_patterns(spec)]) -%}
    {%- do steps.append(['segment_list', pulse.pulse_segment_list(spec, at.seen.broken)]) -%}
    {%- for q in range(pulse.pulse_segment_words(spec)) -%}{%- do steps.append(['judged_' ~ q, pulse.pulse_judged(spec, q)]) -%}{%- endfor -%}
    {%- do steps.append(['segment_patterns', pulse.pulse_segment_patterns(spec)]) -%}
    {%- do steps.append(['today_patterns', pulse.pulse_today_patterns(spec)]) -%}
    {%- do steps.append(['pattern_counts', pulse.pulse_pattern_counts(spec)]) -%}
    {%- do steps.extend(pulse.pulse_ladder_steps(spec, at)) -%}
    {%- if spec.attributes -%}
        {%- do steps.append(['bucket_counts', pulse.pulse_bucket_counts(spec)]) -%}
        {%- if pulse.pulse_is_wide(spec) -%}{%- do steps.extend(pulse.pulse_wide_steps(spec, at.slots)) -%}{%- endif -%}
    {%- endif -%}
    {%- do steps.append(['edited', pulse.pulse_edited(at)]) -%}
    {%- do steps.append(['moves', pulse.pulse_moves(spec)]) -%}
    {%- do steps.append(['segment_moves', pulse.pulse_segment_moves(spec)]) -%}
    {%- do steps.append(['changes', pulse.pulse_changes(spec)]) -%}
    {%- do steps.append(['exits', pulse.pulse_movers('was_member')]) -%}
    {%- do steps.append(['entries', pulse.pulse_movers('now_member')]) -%}
    {{ return({'steps': steps, 'last': pulse.pulse_fact_rows(spec, at)}) }}
{% endmacro %}

{# The number of words with one bit per rule: 62 fit a signed integer everywhere. #}
{% macro pulse_segment_words(spec) %}{{ return((spec.rules | length + 61) // 62) }}{% endmacro %}
