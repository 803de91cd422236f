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
        {%- set empty = 'select * from (' ~ pulse_fill(sql, '2000-01-02', '2000-01-01') ~ ') as shape where 1 = 0' -%}
        {% call statement('create') %}{{ get_create_table_as_sql(False, target_relation, empty) }}{% endcall %}
        {%- do adapter.commit() -%}
    {%- endif -%}
    {%- set days = pulse_day_plan(about, target_relation) -%}
    {%- set columns = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | join(', ') -%}
    {%- set steps = pulse_steps(sql) -%}
    {%- for plan in days -%}
        {#- the lock comes before anything is read, and goes with the transaction -#}
        {%- set replace_rows -%}
            delete from {{ target_relation }} where snapshot_date = cast('{{ plan.day }}' as date);
            insert into {{ target_relation }} ({{ columns }}) select {{ columns }} from
        {%- endset -%}
        {%- if plan.status != 'ok' -%}
            {% call statement('main') %}{{ pulse_lock(target_relation) }}; {{ replace_rows }} ({{ pulse_status_rows(about, plan) }}) as day_rows{% endcall %}
        {%- elif not steps.names -%}
            {% call statement('main') %}{{ pulse_lock(target_relation) }}; {{ replace_rows }} ({{ pulse_fill(steps.last, plan.day, plan.before) }}) as day_rows{% endcall %}
        {%- else -%}
            {#- first with the day before, then with the earlier dates of pulse_compare_days, of which only the causes are kept -#}
            {%- for before in [plan.before] + plan.compare -%}
                {% call statement('copies') %}{{ pulse_session() }} {{ pulse_lock(target_relation) }}; {{ pulse_fill(steps.batches[0] | join, plan.day, before) }}{% endcall %}
                {%- set copies = pulse_has_copies() -%}
                {%- set slots = none -%}
                {%- if steps.batches | length > 2 -%}
                    {% call statement('slots') %}{{ pulse_fill(steps.batches[1] | join, plan.day, before, copies) }}{% endcall %}
                    {%- set slots = pulse_slot_counts() -%}
                {%- endif -%}
                {%- set rows = pulse_fill(steps.last, plan.day, before, copies, slots) -%}
                {% call statement('main') %}
                    {{ pulse_fill(steps.batches[-1] | join, plan.day, before, copies, slots) }}
                    {% if loop.first -%}
                        {{ replace_rows }} ({{ rows }}) as day_rows;
                    {%- else -%}
                        insert into {{ target_relation }} ({{ columns }})
                        select {{ columns | replace('fact,', "fact || '_since',") }} from ({{ rows }}) as day_rows where fact in ('gained', 'lost');
                    {%- endif %}
                    {% for name in steps.names %}{{ pulse_drop_step(name) }}{% endfor %}
                {% endcall %}
            {%- endfor -%}
        {%- endif -%}
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
