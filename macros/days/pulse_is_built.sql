{# Whether this model's table is there already. #}
{% macro pulse_is_built() %}{{ return(execute and load_relation(this) is not none) }}{% endmacro %}
