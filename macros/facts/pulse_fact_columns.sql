{# The columns of an entity's facts and health models, with their SQL types. #}
{% macro pulse_fact_columns() %}
    {{ return({
        'snapshot_date': 'date', 'previous_date': 'date', 'entity': 'varchar', 'segment_id': 'varchar', 'fact': 'varchar', 'item': 'varchar',
        'bucket': 'varchar', 'leaf_columns': 'varchar', 'members': 'bigint', 'amount': 'double precision',
    }) }}
{% endmacro %}

{% macro pulse_health_columns() %}
    {{ return({
        'snapshot_date': 'date', 'entity': 'varchar', 'column_name': 'varchar', 'data_type': 'varchar', 'rows': 'bigint', 'nulls': 'bigint',
        'distinct_count': 'bigint', 'min_value': 'varchar', 'max_value': 'varchar', 'mean_value': 'double precision',
        'duplicate_keys': 'bigint', 'null_keys': 'bigint', 'freshest_at': 'varchar', 'status': 'varchar', 'status_reason': 'varchar',
        'item': 'varchar', 'bucket': 'varchar', 'members': 'bigint', 'value': 'double precision',
    }) }}
{% endmacro %}

{% macro pulse_definition_columns() %}
    {{ return({
        'segment_id': 'varchar', 'label': 'varchar', 'description': 'varchar', 'entity': 'varchar', 'owner': 'varchar', 'enabled': 'boolean',
        'rule_text': 'varchar', 'definition_hash': 'varchar', 'alerts': 'varchar', 'thresholds': 'varchar',
    }) }}
{% endmacro %}

{# A select of typed columns without a row. #}
{% macro pulse_empty(columns) %}
select
    {% for name, type in columns.items() %}cast(null as {{ type }}) as {{ name }}{{ ',\n    ' if not loop.last }}{% endfor %}
where 1 = 0
{%- endmacro %}
