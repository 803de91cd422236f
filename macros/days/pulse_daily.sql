{# Materialization pulse_daily: the dates of the window one by one, each deleted and inserted in one transaction. The body of the model
   holds `kind` (facts or health) and `spec` (pulse_about), from which the steps of a date are made: a list that is walked here.
   Rows of other dates are never touched, by --full-refresh neither. #}
{% materialization pulse_daily, default %}
    {%- set about = pulse.pulse_about(sql) -%}
    {%- set spec = about.spec -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set columns = pulse.pulse_fact_columns() if about.kind == 'facts' else pulse.pulse_health_columns() -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none -%}
        {% call statement('create') %}{{ get_create_table_as_sql(False, target_relation, pulse.pulse_empty(columns)) }}{% endcall %}
        {%- do adapter.commit() -%}
    {%- endif -%}
    {%- set days = pulse.pulse_day_plan(about, target_relation) -%}
    {%- set listed = columns | join(', ') -%}
    {#- what has marks in the place of dates is made once and filled in for each date -#}
    {%- set mark = 'pulse_' ~ local_md5(invocation_id)[:12] -%}
    {%- set at = pulse.pulse_at(pulse.pulse_seen(spec), mark ~ '_day', mark ~ '_before') -%}
    {%- set scripts = {} -%}
    {%- set replace_rows -%}
        delete from {{ target_relation }} where snapshot_date = {{ pulse.pulse_date(at.day) }};
        insert into {{ target_relation }} ({{ listed }}) select {{ listed }} from
    {%- endset -%}
    {%- set add_causes -%}
        insert into {{ target_relation }} ({{ listed }}) select {{ listed | replace('fact,', "fact || '_since',") }} from
    {%- endset -%}
    {%- for plan in days -%}
        {%- if plan.status != 'ok' -%}
            {#- the lock comes before anything is read, and goes with the transaction -#}
            {%- set status_rows -%}
                {{ pulse.pulse_lock(target_relation) }};
                {{ pulse.pulse_fill(replace_rows, mark, plan.day, none) }} ({{ pulse.pulse_status_rows(about, plan) }}) as day_rows;
            {%- endset -%}
            {% call statement('main') %}{{ pulse.pulse_whole(status_rows) }}{% endcall %}
        {%- else -%}
            {#- first with the day before, then with the earlier dates of pulse_compare_days, of which only the causes are kept -#}
            {%- for before in [plan.before] + (plan.compare if about.kind == 'facts' else []) -%}
                {% call statement('lock') %}{{ pulse.pulse_session() }} {{ pulse.pulse_lock(target_relation) }}{% endcall %}
                {%- set done = pulse.pulse_look(spec, about.kind, at, scripts, mark, plan.day, before) -%}
                {%- set name = 'first ' ~ at.copies if loop.first else 'since ' ~ at.copies -%}
                {%- if name not in scripts or at.slots is not none -%}
                    {%- set into, rest = (replace_rows, '') if loop.first else (add_causes, "where fact in ('gained', 'lost')") -%}
                    {%- do scripts.update({name: pulse.pulse_script(pulse.pulse_steps_of(spec, about.kind, at), done, into, rest)}) -%}
                {%- endif -%}
                {% call statement('main') %}{{ pulse.pulse_fill(scripts[name], mark, plan.day, before) }}{% endcall %}
            {%- endfor -%}
        {%- endif -%}
        {%- do adapter.commit() -%}
        {%- do log('pulse: ' ~ spec.entity ~ ' ' ~ plan.day ~ ' (' ~ loop.index ~ ' of ' ~ days | length ~ ')', info=true) -%}
    {%- endfor -%}
    {#- the days are committed: the hooks and the docs get a transaction of their own -#}
    {% call statement('main' if not days else 'after_days') %}select 1{% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=False)) %}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Look up what the steps of a date depend on, and put it into `at`: whether there are `copies` (what takes duplicate keys apart is slow, and
   mostly not needed) and, for very many segments, the `slots` (a bucket is a column there). For the slots the steps up to `bucket_slots` are
   made; their names are returned. Where a step would be gone at the next statement none is made, and every bucket that there can be has a column. #}
{% macro pulse_look(spec, kind, at, scripts, mark, day, before) %}
    {%- if kind != 'facts' -%}{{ return([]) }}{%- endif -%}
    {%- if 'copies' not in scripts -%}
        {%- do scripts.update({'copies': 'select 1 from (' ~ pulse.pulse_copies(spec, at) ~ ') as c limit 1'}) -%}
    {%- endif -%}
    {%- do at.update({'copies': run_query(pulse.pulse_fill(scripts.copies, mark, day, before)).rows | length > 0, 'slots': none}) -%}
    {%- set done = [] -%}
    {%- if pulse.pulse_is_wide(spec) and spec.attributes -%}
        {%- set slots = {} -%}
        {%- if pulse.pulse_keeps_steps() -%}
            {%- set first -%}
                {%- for name, sql in pulse.pulse_fact_steps(spec, at).steps -%}
                    {%- if 'bucket_slots' not in done -%}
                        {{ pulse.pulse_make_step(name, sql) }}
                        {%- do done.append(name) -%}
                    {%- endif -%}
                {%- endfor -%}
            {%- endset -%}
            {% call statement('slots') %}{{ pulse.pulse_fill(first, mark, day, before) }}{% endcall %}
            {%- for row in run_query('select attribute, max(slot) from bucket_slots group by attribute') -%}
                {%- do slots.update({row[0]: row[1] | int}) -%}
            {%- endfor -%}
        {%- else -%}
            {%- for attribute in spec.attributes -%}{%- do slots.update({attribute.name: attribute.slots}) -%}{%- endfor -%}
        {%- endif -%}
        {%- do at.update({'slots': slots}) -%}
    {%- endif -%}
    {{ return(done) }}
{% endmacro %}

{# The statements of a date as text: the steps that are still to be made, the rows, and the end of all steps. #}
{% macro pulse_script(made, done, into, rest) %}
    {%- set parts = [] -%}
    {%- for name, sql in made.steps if name not in done -%}{%- do parts.append(pulse.pulse_make_step(name, sql)) -%}{%- endfor -%}
    {%- do parts.append(into ~ ' (' ~ made.last ~ '\n) as day_rows ' ~ rest ~ ';') -%}
    {%- for name in (done + (made.steps | map('first') | list)) | unique -%}{%- do parts.append(pulse.pulse_drop_step(name)) -%}{%- endfor -%}
    {{ return(pulse.pulse_whole(parts | join('\n'))) }}
{% endmacro %}

{# Text with marks in the place of dates, filled in for a date and the one that it is compared with (none: null). The mark is of this
   invocation, so no value of a definition can hold it. #}
{% macro pulse_fill(text, mark, day, before) %}
    {%- set filled = [text] -%}
    {%- for name, given in [('day', day), ('before', before)] -%}
        {%- for days in modules.re.findall(mark ~ '_' ~ name ~ '_(-?\\d+)', text) | unique -%}
            {%- set value = 'null' if given is none else "'" ~ pulse.pulse_dates_before(given, days | int) ~ "'" -%}
            {%- do filled.append(filled[-1] | replace("'" ~ mark ~ '_' ~ name ~ '_' ~ days ~ "'", value)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(filled[-1]) }}
{% endmacro %}
