{# The relation of a compiled spec: ['ref', 'model'] or ['source', 'shop', 'customers']. #}
{% macro pulse_relation(call) %}
    {{ return(ref(*call[1:]) if call[0] == 'ref' else source(*call[1:])) }}
{% endmacro %}
