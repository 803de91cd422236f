{# The mean of a column in two steps: the mean of parts of the values, an aggregate, and from it the mean itself. A sum of numbers near the
   largest double is none, and the warehouse would refuse the whole day. A part is a power of two, so no digit is lost; what is all but
   zero is zero, as a part of it may be too small to be a number. Not avg(): on Postgres it adds up squares too. #}
{% macro pulse_mean_part(column) %}
    {%- set value = 'cast(' ~ column ~ ' as double precision)' -%}
    {{ return('sum(case when abs(' ~ value ~ ') < cast(1e-200 as double precision) then 0 else ' ~ value ~ ' / ' ~ pulse.pulse_mean_parts() ~ ' end) / nullif(count(' ~ column ~ '), 0)') }}
{% endmacro %}

{# The mean of a column of which `part` is the mean of parts: nine digits of it, as the last ones depend on the order in which a warehouse
   adds up, and that is another one each time. Null where it is no finite number. #}
{% macro pulse_mean(part) %}
    {%- set mean = part ~ ' * ' ~ pulse.pulse_mean_parts() -%}
    {%- set digits = 'power(cast(10 as double precision), 8 - floor(ln(abs(' ~ mean ~ ')) / ln(cast(10 as double precision))))' -%}
    {%- set small = part ~ ' between cast(-1e-10 as double precision) and cast(1e-10 as double precision)' -%}
    {{ return('case when ' ~ part ~ ' = 0 then 0 when ' ~ small ~ ' then round(' ~ mean ~ ' * ' ~ digits ~ ') / ' ~ digits ~ ' when abs(' ~ part ~ ') < cast(1e277 as double precision) then ' ~ mean ~ ' end') }}
{% endmacro %}

{% macro pulse_mean_parts() %}{{ return('cast(1267650600228229401496703205376.0 as double precision)') }}{% endmacro %}
