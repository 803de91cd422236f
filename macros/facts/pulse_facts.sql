{# The body of a compiled `pulse_<entity>__facts` model: the query of the last date of the window against the day before it, for people to
   read. The materialization pulse_daily does not run it: it walks over the steps of each date itself. So only `dbt compile` and
   the docs make that text. #}
{% macro pulse_facts(spec) %}{{ pulse.pulse_one_day(spec, 'facts') }}{% endmacro %}

{# The body of a compiled `pulse_<entity>__health` model, likewise. #}
{% macro pulse_health(spec) %}{{ pulse.pulse_one_day(spec, 'health') }}{% endmacro %}

{# Elsewhere the body is what the materialization needs to know, as JSON behind a comment mark: dbt puts a model's meta into each
   of its log events, and a large one there costs a third of the time of a build. #}
{% macro pulse_one_day(spec, kind) %}
    {%- set is_shown = execute and flags.WHICH in ('compile', 'generate', 'show') -%}
    {%- if is_shown or not execute -%}{%- set seen = pulse.pulse_seen(spec) -%}{%- endif -%}{#- while parsing, this is where dbt learns what is read -#}
    {%- if is_shown -%}
        {%- set day = pulse.pulse_window()[1] -%}
        {%- set made = pulse.pulse_steps_of(spec, kind, pulse.pulse_at(seen, day, pulse.pulse_dates_before(day, 1), true)) %}
with

{% for name, sql in made.steps -%}
{{ name }} as {{ pulse.pulse_materialized() }}(
    {{ sql | indent(4) }}
),

{% endfor -%}
pulse_rows as (
    {{ made.last | indent(4) }}
)

select * from pulse_rows
    {%- else -%}
-- pulse_daily walks over the steps of each date; `dbt compile` shows the statement of one date
-- {{ tojson({'kind': kind, 'spec': spec}) }}
select 1 as unknown
    {%- endif -%}
{% endmacro %}

{# The steps of a date for a model of the kind facts or health. #}
{% macro pulse_steps_of(spec, kind, at) %}{{ return(pulse.pulse_fact_steps(spec, at) if kind == 'facts' else pulse.pulse_health_steps(spec, at)) }}{% endmacro %}

{# A date (ISO text) with all that its steps need to know; `slots` are the buckets per attribute. #}
{% macro pulse_at(seen, day, before, copies=true, slots=none) %}
    {{ return({'seen': seen, 'day': day, 'before': before, 'copies': copies, 'slots': slots}) }}
{% endmacro %}

{# What the body of a model says about it: {kind, spec}. #}
{% macro pulse_about(body) %}
    {%- for line in body.splitlines() if line.startswith('-- {') -%}{{ return(fromjson(line[3:])) }}{%- endfor -%}
    {%- do exceptions.raise_compiler_error('pulse_daily: ' ~ this ~ ' does not say what it counts. Run `pulse compile`.') -%}
{% endmacro %}
