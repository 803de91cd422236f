{# Text as a SQL literal: nothing in it can end the literal. #}
{% macro pulse_literal(text) %}{{ return("'" ~ (text | string | replace("'", "''")) ~ "'") }}{% endmacro %}
