{# The columns of an entity that anything reads, as they are or as nulls: a list for a select. #}
{% macro pulse_used_columns(spec, broken) %}
    {%- set columns = [] -%}
    {%- for name, type in spec.columns.items() -%}{%- do columns.append(pulse.pulse_column(name, type, broken)) -%}{%- endfor -%}
    {{ return(columns) }}
{% endmacro %}

{# Rows under `condition` with the place of each within its key: 1 is the row that counts. Of duplicate keys it is the first by all
   used columns, so that a re-run, a segment's view and the snapshot pick the same one. #}
{% macro pulse_placed_rows(spec, seen, condition) %}
    {%- set order = [] -%}
    {%- for name in spec.columns if name not in seen.broken -%}{%- do order.append(name) -%}{%- endfor -%}
select
    {{ ([spec.key ~ ' as entity_key'] + pulse.pulse_used_columns(spec, seen.broken)) | join(',\n    ') }},
    row_number() over (partition by {{ spec.key }} order by {{ (order + [spec.key]) | join(', ') }}) as pulse_copy
from {{ seen.relation }}
where {{ condition }}
    and {{ spec.key }} is not null
{%- endmacro %}

{# The condition that picks the rows that are true at the end of a day (SQL of type date). #}
{% macro pulse_as_of(spec, day) %}
    {%- set h = spec.history -%}
    {%- if 'valid_from' in h -%}
        {{ return('cast(' ~ h.valid_from ~ ' as date) <= ' ~ day ~ ' and (' ~ h.valid_to ~ ' is null or cast(' ~ h.valid_to ~ ' as date) > ' ~ day ~ ')') }}
    {%- endif -%}
    {{ return(h.as_of ~ ' = ' ~ day) }}
{% endmacro %}

{# The keys that stand more than once as of one of the days: as a rule none, so only they pay for being told apart. #}
{% macro pulse_copies(spec, at) %}
    {%- for day in [at.day, at.before] %}
select {{ spec.key }} as entity_key
from {{ at.seen.relation }}
where {{ pulse.pulse_as_of(spec, pulse.pulse_date(day)) }}
    and {{ spec.key }} is not null
group by {{ spec.key }}
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
    select {{ ([spec.key ~ ' as entity_key'] + used) | join(', ') }}
    from {{ at.seen.relation }}
    where {{ condition }}
        and {{ spec.key }} is not null
    {%- if at.copies %}
        and not exists (select 1 from copies as c where c.entity_key = {{ spec.key }})
    union all
    select {{ (['entity_key'] + names) | join(', ') }}
    from (
        {{ pulse.pulse_placed_rows(spec, at.seen, condition ~ ' and ' ~ spec.key ~ ' in (select c.entity_key from copies as c)') | indent(8) }}
    ) as placed
    where pulse_copy = 1
    {%- endif %}
) as one
    {%- for side in sides -%}{%- for group in groups %}
left join {{ side }}_events_{{ loop.index0 }} on {{ side }}_events_{{ loop.index0 }}.entity_key = one.entity_key
    {%- endfor -%}{%- endfor -%}
{%- endmacro %}
