{# The dates to build, in order: [{day, before, status, reason}]. The situations, by name:
   ok                   the relation has rows as of the date; before is the latest earlier date that has some, none on the first
   stale                it has none, or its updated_at is older than max_age_days: the load is late. Or what the relation is made of
                        failed, was skipped or is late (the var pulse_blind, from the runner); dates that were made before stay
   not_reconstructable  the date lies before all that the relation remembers, or is one that a relation without history did not keep
   broken               the key or the date column itself is gone, or the date column holds no dates
   The next snapshot after the window is built again, because the day that it is compared with may be new. #}
{% macro pulse_day_plan(about, target_relation) %}
    {%- set spec = about.spec -%}
    {%- set intervals = 'valid_from' in spec.history -%}
    {%- set window = pulse.pulse_window() -%}
    {%- set blind = pulse.pulse_blind(spec.entity) -%}
    {%- if blind.reason and not blind.since -%}{{ return(pulse.pulse_blind_plan(about, target_relation, window, blind.reason)) }}{%- endif -%}
    {%- set relation = pulse.pulse_relation(spec.relation) -%}
    {%- set types = pulse.pulse_column_types(relation) -%}
    {%- set gone = pulse.pulse_broken_entity(spec, types) -%}
    {%- set present = pulse.pulse_taken_day() if spec.original else none -%}
    {%- set later = none if spec.original else pulse.pulse_next_day(target_relation, window[1]) -%}
    {%- set known = [] if gone else pulse.pulse_known_days(spec, relation, [window[0], present or window[0]] | min, later or present or window[1]) -%}
    {%- set done = pulse.pulse_done_days(about, target_relation, window) -%}
    {%- set days = [] -%}
    {#- of a relation without history the present day is taken whenever the window reaches it, and a later one has not come yet -#}
    {%- for day in pulse.pulse_dates_between(window[0], window[1]) if not (spec.original and day >= pulse.pulse_present()) -%}{%- do days.append(day) -%}{%- endfor -%}
    {%- if present -%}{%- do days.append(present) -%}{%- endif -%}
    {%- set days = days | reject('in', done) | list -%}
    {%- if days and later -%}{%- do days.append(later) -%}{%- endif -%}
    {%- set plans = [] -%}
    {%- for day in days -%}
        {%- set before = known | select('lt', day) | list | last -%}
        {%- set plan = {'day': day, 'before': before if before else none, 'compare': [], 'status': 'ok', 'reason': ''} -%}
        {%- for earlier in pulse.pulse_compare_dates(day) if earlier != before and (earlier in known or (intervals and known and earlier >= known[0])) -%}
            {%- do plan.compare.append(earlier) -%}
        {%- endfor -%}
        {%- if gone -%}
            {%- do plan.update({'status': 'broken', 'reason': gone | join('; ')}) -%}
        {%- elif blind.reason and day >= blind.since -%}
            {%- do plan.update({'status': 'stale', 'reason': blind.reason}) -%}
        {%- elif day not in known and intervals and known and day > known[0] -%}
            {%- do plan.update({'before': pulse.pulse_dates_between(known[0], day)[-2]}) -%}
        {%- elif day not in known and spec.original and day != present -%}
            {%- do plan.update({'status': 'not_reconstructable', 'reason': spec.entity ~ ' shows only the day of a build, and nothing was kept of ' ~ day}) -%}
        {%- elif day not in known and (not before) and known -%}
            {%- do plan.update({'status': 'not_reconstructable', 'reason': spec.entity ~ ' has no rows before ' ~ known[0]}) -%}
        {%- elif day not in known -%}
            {%- do plan.update({'status': 'stale', 'reason': pulse.pulse_late(spec, 'no rows of ' ~ day ~ (', the last are of ' ~ before if before else ''))}) -%}
        {%- elif spec.updated_at -%}
            {%- do plan.update(pulse.pulse_age(spec, relation, day)) -%}
        {%- endif -%}
        {%- do plans.append(plan) -%}
    {%- endfor -%}
    {{ return(plans) }}
{% endmacro %}

{# What the runner says of an entity that cannot be seen, or not as of late: {reason, since, events}. `since` is the first date, none for all;
   `events` maps an events relation to why nothing is known of it. #}
{% macro pulse_blind(entity) %}
    {%- set told = pulse.pulse_told('pulse_blind', {}).get(entity, {}) -%}
    {{ return({'reason': told.get('reason', ''), 'since': told.get('since'), 'events': told.get('events', {})}) }}
{% endmacro %}

{# The dates of a window whose relation was not made, because something before it failed. What is there of a date stays. #}
{% macro pulse_blind_plan(about, target_relation, window, reason) %}
    {%- set good -%}
        select distinct cast(snapshot_date as varchar(10)) from {{ target_relation }}
        where {{ "fact = 'definitions'" if about.kind == 'facts' else "column_name = '(rows)' and status = 'ok'" }}
            and snapshot_date >= cast('{{ window[0] }}' as date)
    {%- endset -%}
    {%- set kept = [] -%}
    {%- for row in run_query(good) -%}{%- do kept.append(row[0] | string) -%}{%- endfor -%}
    {%- set plans = [] -%}
    {#- a relation without history is blind on the day that it shows now; what it showed before is as it was -#}
    {%- set present = pulse.pulse_taken_day() if about.spec.original else none -%}
    {%- set days = ([present] if present else []) if about.spec.original else pulse.pulse_dates_between(window[0], window[1]) -%}
    {%- for day in days if day not in kept -%}
        {%- do plans.append({'day': day, 'before': none, 'compare': [], 'status': 'stale', 'reason': reason}) -%}
    {%- endfor -%}
    {{ return(plans) }}
{% endmacro %}

{# What makes a relation unreadable as of a date: [what is wrong]. Types that are not known to be others than dates are let through. #}
{% macro pulse_broken_entity(spec, types) %}
    {%- set names = pulse.pulse_names(spec) -%}
    {%- set wrong = [] -%}
    {%- set gone = [] -%}
    {%- for column in spec.required if types and (names.get(column, column) | lower) not in types -%}{%- do gone.append(names.get(column, column)) -%}{%- endfor -%}
    {%- if gone -%}{%- do wrong.append('column ' ~ gone | join(', ') ~ ' is missing') -%}{%- endif -%}
    {%- set type = pulse.pulse_misdated(spec, types) -%}
    {%- if type -%}{%- do wrong.append('column ' ~ names.get(spec.history.as_of, spec.history.as_of) ~ ' is ' ~ type ~ ', not a date') -%}{%- endif -%}
    {{ return(wrong) }}
{% endmacro %}

{# The type of the column that says as of which date a row is, where that can be no date; none where it is well. #}
{% macro pulse_misdated(spec, types) %}
    {%- set as_of = (spec.history or {}).as_of -%}
    {%- set type = types.get(pulse.pulse_names(spec).get(as_of, as_of) | lower) if as_of else none -%}
    {{ return(type if type in ['text', 'number', 'boolean'] else none) }}
{% endmacro %}

{# The first date after one that a table has rows of, none where there is none. #}
{% macro pulse_next_day(target_relation, day) %}
    {%- set sql = "select cast(min(snapshot_date) as varchar(10)) from " ~ target_relation ~ " where snapshot_date > cast('" ~ day ~ "' as date)" -%}
    {{ return(run_query(sql).rows[0][0]) }}
{% endmacro %}

{# The earlier dates of pulse_compare_days, counted back from a day: seven is the same weekday of the week before. #}
{% macro pulse_compare_dates(day) %}
    {%- set dates = [] -%}
    {%- for days in pulse.pulse_told('pulse_compare_days', []) -%}
        {%- if days | int < 2 or days | int > 40 -%}
            {%- do exceptions.raise_compiler_error('pulse_compare_days: ' ~ days ~ ' is not a number of days from 2 to 40. One day back is always compared.') -%}
        {%- endif -%}
        {%- do dates.append((modules.datetime.datetime.strptime(day, '%Y-%m-%d') - modules.datetime.timedelta(days=days | int)).strftime('%Y-%m-%d')) -%}
    {%- endfor -%}
    {{ return(dates) }}
{% endmacro %}

{# The date so many days before one, ISO text. #}
{% macro pulse_dates_before(day, days) %}
    {{ return((modules.datetime.datetime.strptime(day, '%Y-%m-%d') - modules.datetime.timedelta(days=days)).strftime('%Y-%m-%d')) }}
{% endmacro %}

{# Every date between two, ISO text, both included. #}
{% macro pulse_dates_between(first, last) %}
    {%- set start = modules.datetime.datetime.strptime(first, '%Y-%m-%d') -%}
    {%- set days = (modules.datetime.datetime.strptime(last, '%Y-%m-%d') - start).days -%}
    {%- set out = [] -%}
    {%- for n in range(days + 1) -%}{%- do out.append((start + modules.datetime.timedelta(days=n)).strftime('%Y-%m-%d')) -%}{%- endfor -%}
    {{ return(out) }}
{% endmacro %}

{# Dates that the relation has rows of, in order, from 40 days before `first` to `last`; where none of them is before `first`, also the one before
   them all, or what the relation begins with. For validity intervals their beginning only. #}
{% macro pulse_known_days(spec, relation, first, last) %}
    {%- set h = spec.history -%}
    {%- set intervals = 'valid_from' in h -%}
    {%- set low = (modules.datetime.datetime.strptime(first, '%Y-%m-%d') - modules.datetime.timedelta(days=40)).strftime('%Y-%m-%d') -%}
    {%- set at = pulse.pulse_read(spec, h.valid_from if intervals else h.as_of) -%}
    {%- set found = [] -%}
    {%- if not intervals -%}
        {%- set sql -%}
            select cast(cast({{ at }} as date) as varchar(10)) from {{ relation }}
            where {{ at }} >= cast('{{ low }}' as date) and {{ at }} <= cast('{{ last }}' as date)
            group by 1
        {%- endset -%}
        {%- for row in run_query(sql) -%}{%- do found.append(row[0] | string) -%}{%- endfor -%}
    {%- endif -%}
    {%- if not (found | select('lt', first) | list) -%}
        {%- set sql -%}
            select cast(cast(max(case when {{ at }} < cast('{{ low }}' as date) then {{ at }} end) as date) as varchar(10)),
                cast(cast(min({{ at }}) as date) as varchar(10)) from {{ relation }}
        {%- endset -%}
        {%- set edge = run_query(sql).rows[0] -%}
        {%- for day in ([edge[1]] if intervals else edge) if day is not none -%}{%- do found.append(day | string) -%}{%- endfor -%}
    {%- endif -%}
    {{ return(found | unique | sort | list) }}
{% endmacro %}

{# Dates of the window that are passed over. With pulse_skip_done: those that are complete with these definitions. Of a relation without history
   all past ones that a build saw, whatever came of it: the rows behind them are gone, or hold only the columns that were used then. #}
{% macro pulse_done_days(about, target_relation, window) %}
    {%- set done = [] -%}
    {%- set skip = pulse.pulse_told('pulse_skip_done', false) -%}
    {%- if skip or about.spec.original -%}
        {%- set hash = pulse.pulse_definitions_hash(about.spec) if about.kind == 'facts' else '' -%}
        {%- set sql -%}
            select distinct cast(snapshot_date as varchar(10)), {{ 'item' if about.kind == 'facts' else "case when status = 'ok' then '' else status end" }}
            from {{ target_relation }}
            where {{ "(fact = 'definitions' or (fact = 'status' and item = 'stale'))" if about.kind == 'facts' else "column_name = '(rows)' and status in ('ok', 'stale')" }}
                and snapshot_date between cast('{{ window[0] }}' as date) and cast('{{ window[1] }}' as date)
        {%- endset -%}
        {%- for day, made_with in run_query(sql) -%}
            {%- if (skip and made_with == hash) or (about.spec.original and day < pulse.pulse_present()) -%}{%- do done.append(day) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(done) }}
{% endmacro %}

{# Whether the relation was refreshed for a date: {} or {status, reason}. #}
{% macro pulse_age(spec, relation, day) %}
    {%- set sql -%}
        select cast(max(cast({{ pulse.pulse_read(spec, spec.updated_at) }} as date)) as varchar(10)) from {{ relation }}
        {% if spec.history.as_of %}where {{ pulse.pulse_read(spec, spec.history.as_of) }} = cast('{{ day }}' as date){% endif %}
    {%- endset -%}
    {%- set freshest = run_query(sql).rows[0][0] -%}
    {%- set oldest = (modules.datetime.datetime.strptime(day, '%Y-%m-%d') - modules.datetime.timedelta(days=spec.max_age_days)).strftime('%Y-%m-%d') -%}
    {%- if freshest is none or freshest < oldest -%}
        {{ return({'status': 'stale', 'reason': pulse.pulse_late(spec, spec.updated_at ~ ' is ' ~ (freshest or 'empty') ~ ', older than ' ~ oldest)}) }}
    {%- endif -%}
    {{ return({}) }}
{% endmacro %}

{# Why a relation is late, naming it: in the words that pulse_runner/upstream.py reads. #}
{% macro pulse_late(spec, why) %}
    {%- set called = (spec.original or spec.relation)[1:] | join('.') -%}
    {{ return('upstream relation ' ~ called ~ ' is late: ' ~ why) }}
{% endmacro %}
