{# Materialization pulse_daily: one statement per snapshot date of the window, each date deleted and inserted in one transaction.
   The model's config.meta.pulse says where its rows come from: relation (function and arguments), key, history, segments.
   Rows of other dates are never touched, by --full-refresh neither. #}
{% materialization pulse_daily, default %}
    {%- set about = config.get('meta', {}).get('pulse', {}) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is none -%}
        {%- set empty = 'select * from (' ~ pulse_fill_days(sql, '2000-01-02', '2000-01-01') ~ ') as shape where 1 = 0' -%}
        {% call statement('create') %}{{ get_create_table_as_sql(False, target_relation, empty) }}{% endcall %}
        {%- do adapter.commit() -%}
    {%- endif -%}
    {%- set days = pulse_day_plan(about, target_relation) -%}
    {%- set columns = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | join(', ') -%}
    {%- for plan in days -%}
        {%- set body = pulse_fill_days(sql, plan.day, plan.before) if plan.status == 'ok' else pulse_status_rows(about, plan) -%}
        {% call statement('delete') %}
            delete from {{ target_relation }} where snapshot_date = cast('{{ plan.day }}' as date)
        {% endcall %}
        {% call statement('main') %}
            insert into {{ target_relation }} ({{ columns }}) select {{ columns }} from ({{ body }}) as day_rows
        {% endcall %}
        {%- do adapter.commit() -%}
        {%- do log('pulse: ' ~ about.entity ~ ' ' ~ plan.day ~ ' (' ~ loop.index ~ ' of ' ~ days | length ~ ')', info=true) -%}
    {%- endfor -%}
    {#- the days are committed: the hooks and the docs get a transaction of their own -#}
    {% call statement('main' if not days else 'after_days') %}select 1{% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
