{# The events of a relation with the columns that are read; a broken column is null, and without its key there are no events. #}
{% macro pulse_event_rows(spec, name, seen) %}
    {%- set events = spec.events[name] -%}
    {%- set gone = name ~ '.' ~ events.key in seen.broken -%}
    {%- set columns = [] -%}
    {%- for column, type in events.columns.items() -%}
        {%- if gone and column == events.key -%}{%- do columns.append(pulse.pulse_read(spec, spec.key) ~ ' as ' ~ column) -%}
        {%- elif gone -%}{%- do columns.append('cast(null as ' ~ pulse.pulse_sql_type(type or 'date') ~ ') as ' ~ column) -%}
        {%- else -%}{%- do columns.append(pulse.pulse_column(column, type, seen.broken, name ~ '.' ~ column, events.get('names', {}))) -%}{%- endif -%}
    {%- endfor -%}
select {{ columns | join(', ') }} from {{ seen.relation if gone else pulse.pulse_relation(events.relation) }}{{ ' where 1 = 0' if gone }}
{%- endmacro %}

{# The counts and aggregates per key of one event group, over the window that ends on `day`. Events after `known_until` are left out:
   what the window would hold had nothing happened since. #}
{% macro pulse_event_counts(spec, group, seen, day, known_until) %}
    {%- set events = spec.events[group.events] -%}
    {%- set at = 'cast(' ~ events.at ~ ' as date)' -%}
    {%- set columns = [] -%}
    {%- for column in group.columns -%}
        {%- do columns.append('count(*) as event_count' if column == 'event_count' else group.aggregates[column] ~ ' as ' ~ column) -%}
    {%- endfor -%}
select
    {{ ([events.key ~ ' as entity_key'] + columns) | join(',\n    ') }}
from (
    {{ pulse.pulse_event_rows(spec, group.events, seen) }}
) as happened
where {{ at }} <= {{ pulse.pulse_date(known_until) }}
    and {{ events.key }} is not null
    {%- if group.in_last is not none %}
    and {{ at }} >= {{ pulse.pulse_date(day, group.in_last) }}
    {%- endif -%}
    {%- for filter in group.filters %}
    and {{ pulse.pulse_condition(filter, day, '') }} = 1
    {%- endfor %}
group by {{ events.key }}
{%- endmacro %}
