{# Materialization pulse_daily: the dates of the window one by one, each deleted and inserted in one transaction. The model's config.meta.pulse
   holds `kind` (facts or health) and `spec`, from which the steps of a date are made: a list that is walked here.
   Rows of other dates are never touched, by --full-refresh neither. #}
{% materialization pulse_daily, default %}
    {%- set about = config.get('meta', {}).get('pulse', {}) -%}
    {%- set spec = about.spec -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set columns = pulse.pulse_fact_columns() if about.kind == 'facts' else pulse.pulse_health_columns() -%}
    {%- if load_cached_relation(this) is none -%}
        {% call statement('create') %}{{ get_create_table_as_sql(False, target_relation, pulse.pulse_empty(columns)) }}{% endcall %}
        {%- do adapter.commit() -%}
    {%- endif -%}
    {%- set days = pulse.pulse_day_plan(about, target_relation) -%}
    {%- set seen = pulse.pulse_seen(spec) -%}
    {%- set listed = columns | join(', ') -%}
    {%- for plan in days -%}
        {%- set replace_rows -%}
            delete from {{ target_relation }} where snapshot_date = cast('{{ plan.day }}' as date);
            insert into {{ target_relation }} ({{ listed }}) select {{ listed }} from
        {%- endset -%}
        {%- if plan.status != 'ok' -%}
            {#- the lock comes before anything is read, and goes with the transaction -#}
            {% call statement('main') %}{{ pulse.pulse_lock(target_relation) }}; {{ replace_rows }} ({{ pulse.pulse_status_rows(about, plan) }}) as day_rows{% endcall %}
        {%- else -%}
            {#- first with the day before, then with the earlier dates of pulse_compare_days, of which only the causes are kept -#}
            {%- for before in [plan.before] + (plan.compare if about.kind == 'facts' else []) -%}
                {% call statement('lock') %}{{ pulse.pulse_session() }} {{ pulse.pulse_lock(target_relation) }}{% endcall %}
                {%- set at = pulse.pulse_at(seen, plan.day, before) -%}
                {%- set kept -%}
                    {%- if loop.first -%}
                        {{ replace_rows }}
                    {%- else -%}
                        insert into {{ target_relation }} ({{ listed }}) select {{ listed | replace('fact,', "fact || '_since',") }} from
                    {%- endif -%}
                {%- endset -%}
                {%- set made = pulse.pulse_walk(spec, about.kind, at) -%}
                {% call statement('main') %}
                    {% for name, sql in made.steps %}{{ pulse.pulse_make_step(name, sql) }}{% endfor %}
                    {{ kept }} ({{ made.last }}) as day_rows {{ "where fact in ('gained', 'lost')" if not loop.first }};
                    {% for name in made.names %}{{ pulse.pulse_drop_step(name) }}{% endfor %}
                {% endcall %}
            {%- endfor -%}
        {%- endif -%}
        {%- do adapter.commit() -%}
        {%- do log('pulse: ' ~ spec.entity ~ ' ' ~ plan.day ~ ' (' ~ loop.index ~ ' of ' ~ days | length ~ ')', info=true) -%}
    {%- endfor -%}
    {#- the days are committed: the hooks and the docs get a transaction of their own -#}
    {% call statement('main' if not days else 'after_days') %}select 1{% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Make the steps of a date after which something must be looked up: `copies` (what takes duplicate keys apart is slow, and mostly not needed)
   and, for very many segments, `bucket_slots` (a bucket is a column there). Return {names: all steps, steps: those still to be made, last}. #}
{% macro pulse_walk(spec, kind, at) %}
    {%- if kind != 'facts' -%}
        {%- set made = pulse.pulse_steps_of(spec, kind, at) -%}
        {{ return({'names': [], 'steps': made.steps, 'last': made.last}) }}
    {%- endif -%}
    {% call statement('copies') %}{{ pulse.pulse_make_step('copies', pulse.pulse_copies(spec, at)) }}{% endcall %}
    {%- do at.update({'copies': run_query('select 1 from copies limit 1').rows | length > 0}) -%}
    {%- set done = ['copies'] -%}
    {%- if pulse.pulse_is_wide(spec) and spec.attributes -%}
        {%- set first -%}
            {%- for name, sql in pulse.pulse_fact_steps(spec, at).steps -%}
                {%- if name not in done and 'bucket_slots' not in done -%}
                    {{ pulse.pulse_make_step(name, sql) }}
                    {%- do done.append(name) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endset -%}
        {% call statement('slots') %}{{ first }}{% endcall %}
        {%- set slots = {} -%}
        {%- for row in run_query('select attribute, max(slot) from bucket_slots group by attribute') -%}
            {%- do slots.update({row[0]: row[1] | int}) -%}
        {%- endfor -%}
        {%- do at.update({'slots': slots}) -%}
    {%- endif -%}
    {%- set made = pulse.pulse_fact_steps(spec, at) -%}
    {%- set rest = [] -%}
    {%- for step in made.steps if step[0] not in done -%}{%- do rest.append(step) -%}{%- endfor -%}
    {{ return({'names': done + (rest | map('first') | list), 'steps': rest, 'last': made.last}) }}
{% endmacro %}
