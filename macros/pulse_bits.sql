{# Condition: all bits of the mask are set in the word. #}
{% macro pulse_bits(word, mask) %}{{ pulse_and(word, mask) }} = {{ mask }}{% endmacro %}

{# Condition: at least one bit of the mask is set in the word. #}
{% macro pulse_any_bit(word, mask) %}{{ pulse_and(word, mask) }} <> 0{% endmacro %}
