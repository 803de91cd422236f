{# Condition: at least one bit of the mask is set in the word. #}
{% macro pulse_any_bit(word, mask) %}{{ pulse_and(word, mask) }} <> 0{% endmacro %}

{# A block of SQL with `(w0 & 12)` as this warehouse spells it. There is one of these per rule, too many for a macro call each. #}
{% macro pulse_bitwise() %}{{ adapter.dispatch('pulse_bitwise_text', 'pulse')(caller()) }}{% endmacro %}

{% macro default__pulse_bitwise_text(sql) %}{{ return(sql) }}{% endmacro %}

{% macro snowflake__pulse_bitwise_text(sql) %}{{ return(modules.re.sub('\\((\\w+\\d+) & (\\d+)\\)', 'bitand(\\1, \\2)', sql)) }}{% endmacro %}
