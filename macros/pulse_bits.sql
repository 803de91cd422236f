{# Condition: at least one bit of the mask is set in the word. #}
{% macro pulse_any_bit(word, mask) %}{{ pulse_and(word, mask) }} <> 0{% endmacro %}

{# A facts query as this warehouse spells `(w0 & 12)`; there is one of these per rule, too many for a macro call each. #}
{% macro pulse_bitwise(sql) %}{{ return(adapter.dispatch('pulse_bitwise', 'pulse')(sql)) }}{% endmacro %}

{% macro default__pulse_bitwise(sql) %}{{ return(sql) }}{% endmacro %}

{% macro snowflake__pulse_bitwise(sql) %}{{ return(modules.re.sub('\\((\\w+\\d+) & (\\d+)\\)', 'bitand(\\1, \\2)', sql)) }}{% endmacro %}
