{# What a column's values look like on the date, from the rows of pulse_health_rows: the largest values of texts, booleans and numbers with their counts,
   the days that dates lie back, and quantiles of numbers and dates. `spec.profiles` has the columns, and what becomes of their values: shown, hidden
   behind a label, or judged on the date, as for attributes. A value of fewer than five rows, or a number that fewer than one row of 200 has, is not kept;
   quantiles are kept from 100 values on, so each has at least five on either side. #}
{% macro pulse_profile_ctes(spec, at) %}
    {%- set shown = pulse.pulse_profiled(spec, at.seen.broken) -%}
    {%- set judged = [] -%}
    {%- set hidden = [] -%}
    {%- for name, values in shown.items() -%}
        {%- if values == 'judged' -%}{%- do judged.append(name) -%}{%- elif values == 'hidden' -%}{%- do hidden.append(name) -%}{%- endif -%}
    {%- endfor %}
profile_values as (
    {%- for name in shown %}
    {%- set type = spec.columns[name] %}
    {%- set clock = type in ['date', 'timestamp'] %}
    select '{{ name }}' as attribute, '{{ type }}' as kind, {{ pulse.pulse_profile_bucket(name, type, at.day) }} as bucket, count(*) as members
    from day_rows
    where {{ name }} is not null
    group by 3
    {{ 'union all' if not loop.last }}
    {%- else %}
    select '' as attribute, '' as kind, '' as bucket, 0 as members where 1 = 0
    {%- endfor %}
),

{%- if judged %}
refused_columns as (
    {{ pulse.pulse_refused_attributes(judged, 'profile_values') | indent(4) }}
),

{% endif %}
ranked_values as (
    select
        attribute,
        kind,
        {% if hidden %}case when attribute in ('{{ hidden | join("', '") }}') then {{ pulse.pulse_hidden_value(spec.entity) }} else bucket end{% else %}bucket{% endif %} as bucket,
        members,
        row_number() over (partition by attribute order by members desc, bucket) as place,
        sum(members) over (partition by attribute) as filled
    from profile_values
    {%- if judged %}
    where attribute not in (select refused.attribute from refused_columns as refused)
    {%- endif %}
),
{% endmacro %}

{# The rows of the profiles: (column_name, item, bucket, members, mean_value). #}
{% macro pulse_profile_select(spec, at) %}
    {%- set shares = pulse.pulse_profile_shares() %}
select attribute as column_name, case when kind in ('date', 'timestamp') then 'age' else 'value' end as item, cast(bucket as varchar) as bucket,
    cast(members as bigint) as members, cast(null as double precision) as value
from ranked_values
where place <= 20 and members >= 5 and (kind <> 'number' or members * 200 >= filled)
    {%- for name in pulse.pulse_profiled(spec, at.seen.broken, true) if spec.columns[name] in ['number', 'date', 'timestamp'] %}
        {%- for share in shares %}
union all
select '{{ name }}', 'quantile', '{{ share }}', {{ name }}__filled, {{ pulse.pulse_quantile_of(name, loop.index) }} from stats where {{ name }}__filled >= 100
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}

{# The shares of values below each quantile. #}
{% macro pulse_profile_shares() %}{{ return(['0.05', '0.1', '0.25', '0.5', '0.75', '0.9', '0.95']) }}{% endmacro %}

{# The columns whose values are profiled, {name: shown | hidden | judged}: without the key, and without those that are broken on the date. With
   `quantiles`, those of which quantiles are kept too: where values are hidden, none are. #}
{% macro pulse_profiled(spec, broken, quantiles=false) %}
    {%- set out = {} -%}
    {%- for name, values in spec.get('profiles', {}).items() if name not in broken and name in spec.columns and not (quantiles and values == 'hidden') -%}
        {%- do out.update({name: values}) -%}
    {%- endfor -%}
    {{ return(out) }}
{% endmacro %}

{# What a value is counted under: itself, or the days that a date lies back from the date of the snapshot. #}
{% macro pulse_profile_bucket(name, type, day) %}
    {%- if type in ['date', 'timestamp'] -%}
        {%- set age = dbt.datediff('cast(' ~ name ~ ' as date)', pulse.pulse_date(day), 'day') -%}
        {{ return("case when " ~ age ~ " < 0 then '<0' when " ~ age ~ " > 14 then '>14' else cast(" ~ age ~ " as varchar) end") }}
    {%- endif -%}
    {{ return('cast(' ~ name ~ ' as varchar)') }}
{% endmacro %}

{# A number of which quantiles are taken: the value, or the days that a date lies back. #}
{% macro pulse_quantile_value(name, type, day) %}
    {%- if type in ['date', 'timestamp'] -%}
        {{ return('cast(' ~ dbt.datediff('cast(' ~ name ~ ' as date)', pulse.pulse_date(day), 'day') ~ ' as double precision)') }}
    {%- endif -%}
    {{ return('cast(' ~ name ~ ' as double precision)') }}
{% endmacro %}
