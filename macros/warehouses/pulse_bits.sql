{# Condition: at least one bit of the mask is set in the word. #}
{% macro pulse_any_bit(word, mask) %}{{ return(pulse.pulse_and(word, mask) ~ ' <> 0') }}{% endmacro %}

{# SQL with `(w0 & 12)`, as rules are compiled, in the spelling of this warehouse. There is one per rule, too many for a macro call each. #}
{% macro pulse_bitwise(sql) %}{{ return(adapter.dispatch('pulse_bitwise', 'pulse')(sql)) }}{% endmacro %}

{% macro default__pulse_bitwise(sql) %}{{ return(sql) }}{% endmacro %}

{% macro snowflake__pulse_bitwise(sql) %}{{ return(modules.re.sub('\\((\\w+\\d+) & (\\d+)\\)', 'bitand(\\1, \\2)', sql)) }}{% endmacro %}
