{# Condition: the regular expression (a SQL literal) is found somewhere in the text. #}
{% macro pulse_matches(text, pattern) %}{{ return(adapter.dispatch('pulse_matches', 'pulse')(text, pattern)) }}{% endmacro %}

{% macro default__pulse_matches(text, pattern) %}regexp_like({{ text }}, {{ pattern }}){% endmacro %}

{% macro duckdb__pulse_matches(text, pattern) %}regexp_matches({{ text }}, {{ pattern }}){% endmacro %}

{% macro postgres__pulse_matches(text, pattern) %}{{ text }} ~ {{ pattern }}{% endmacro %}

{# Snowflake's regexp_like wants the whole text to match, and a backslash in its literals is an escape. #}
{% macro snowflake__pulse_matches(text, pattern) %}regexp_instr({{ text }}, {{ pattern | replace('\\', '\\\\') }}) > 0{% endmacro %}
