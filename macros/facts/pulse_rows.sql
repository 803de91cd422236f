{# The columns of an entity that anything reads, as they are or as nulls: a list for a select. #}
{% macro pulse_used_columns(spec, broken, names=none) %}
    {%- set names = pulse.pulse_names(spec) if names is none else names -%}
    {%- set columns = [] -%}
    {%- for name, type in spec.columns.items() -%}{%- do columns.append(pulse.pulse_column(name, type, broken, none, names)) -%}{%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{# Rows under `condition` with the place of each within its key: 1 is the row that counts. Of duplicate keys it is the first by all
   used columns, so that a re-run, a segment's view and the snapshot pick the same one. #}
{% macro pulse_placed_rows(spec, seen, condition) %}
    {%- set order = [] -%}
    {%- for name in spec.columns if name not in seen.broken -%}{%- do order.append(pulse.pulse_read(spec, name)) -%}{%- endfor -%}
    {%- set key = pulse.pulse_read(spec, spec.key) -%}
select
    {{ ([key ~ ' as entity_key'] + pulse.pulse_used_columns(spec, seen.broken)) | join(',\n    ') }},
    row_number() over (partition by {{ key }} order by {{ (order + [key]) | join(', ') }}) as pulse_copy
from {{ seen.relation }}
where {{ condition }}
    and {{ key }} is not null
{%- endmacro %}

{# The condition that picks the rows that are true at the end of a day (SQL of type date). #}
{% macro pulse_as_of(spec, day) %}
    {%- set h = spec.history -%}
    {%- if 'valid_from' in h -%}
        {%- set until = pulse.pulse_read(spec, h.valid_to) -%}
        {{ return('cast(' ~ pulse.pulse_read(spec, h.valid_from) ~ ' as date) <= ' ~ day ~ ' and (' ~ until ~ ' is null or cast(' ~ until ~ ' as date) > ' ~ day ~ ')') }}
    {%- endif -%}
    {{ return(pulse.pulse_read(spec, h.as_of) ~ ' = ' ~ day) }}
{% endmacro %}

{# The keys that stand more than once as of one of the days: as a rule none, so only they pay for being told apart. #}
{% macro pulse_copies(spec, at) %}
    {%- set key = pulse.pulse_read(spec, spec.key) -%}
    {%- for day in [at.day, at.before] %}
select {{ key }} as entity_key
from {{ at.seen.relation }}
where {{ pulse.pulse_as_of(spec, pulse.pulse_date(day)) }}
    and {{ key }} is not null
group by {{ key }}
having count(*) > 1
{% if not loop.last %}union all{% endif %}
    {%- endfor %}
{%- endmacro %}

{# One row per key as of a day, with the clocks that SQL reads by name and what its events add up to. `source` names the rows: today or
   before; those of the day before are joined to the events as they would be today had only time passed, too. #}
{% macro pulse_rows(spec, at, source) %}
    {%- set day = at.day if source == 'today' else at.before -%}
    {%- set used = pulse.pulse_used_columns(spec, at.seen.broken) -%}
    {%- set condition = pulse.pulse_as_of(spec, pulse.pulse_date(day)) -%}
    {%- set names = spec.columns | list -%}
    {%- set key = pulse.pulse_read(spec, spec.key) -%}
    {%- set picked = ['one.entity_key'] -%}
    {%- for name in names -%}{%- do picked.append('one.' ~ name) -%}{%- endfor -%}
    {%- for clock, column in spec.get('clocks', {}).items() -%}
        {%- do picked.append(dbt.datediff('cast(one.' ~ column ~ ' as date)', pulse.pulse_date(day), 'day') ~ ' as ' ~ clock) -%}
    {%- endfor -%}
    {%- set groups = spec.get('event_groups', []) -%}
    {%- set sides = ['today'] if source == 'today' else ['before', 'aged'] -%}
    {%- for side in sides -%}{%- for group in groups -%}{%- set n = loop.index0 -%}{%- for column in group.columns -%}
        {%- do picked.append(side ~ '_events_' ~ n ~ '.' ~ column ~ ' as ' ~ side ~ '_' ~ n ~ '_' ~ column) -%}
    {%- endfor -%}{%- endfor -%}{%- endfor -%}
select
    {{ picked | join(',\n    ') }}
from (
    select {{ ([key ~ ' as entity_key'] + used) | join(', ') }}
    from {{ at.seen.relation }}
    where {{ condition }}
        and {{ key }} is not null
    {%- if at.copies %}
        and not exists (select 1 from copies as c where c.entity_key = {{ key }})
    union all
    select {{ (['entity_key'] + names) | join(', ') }}
    from (
        {{ pulse.pulse_placed_rows(spec, at.seen, condition ~ ' and ' ~ key ~ ' in (select c.entity_key from copies as c)') | indent(8) }}
    ) as placed
    where pulse_copy = 1
    {%- endif %}
) as one
    {%- for side in sides -%}{%- for group in groups %}
left join {{ side }}_events_{{ loop.index0 }} on {{ side }}_events_{{ loop.index0 }}.entity_key = one.entity_key
    {%- endfor -%}{%- endfor -%}
{%- endmacro %}
