{# A statement that makes other builds of the same table wait until this transaction ends; where writers exclude each other anyway, nothing. #}
{% macro pulse_lock(relation) %}{{ return(adapter.dispatch('pulse_lock', 'pulse')(relation)) }}{% endmacro %}

{% macro default__pulse_lock(relation) %}select 1{% endmacro %}

{% macro postgres__pulse_lock(relation) %}select pg_advisory_xact_lock(hashtext('pulse'), hashtext('{{ relation.include(database=false).render() | replace("'", "''") }}')){% endmacro %}
