{# Replace the day tokens of a model's SQL: day and before are ISO text, before may be none. #}
{% macro pulse_fill_days(sql, day, before) %}
    {%- set filled = {'sql': sql} -%}
    {%- for name, given in [('day', day), ('before', before)] -%}
        {%- for days in modules.re.findall('__pulse_' ~ name ~ '_minus_(-?\\d+)__', sql) | unique -%}
            {%- if given is none -%}
                {%- set value = 'null' -%}
            {%- else -%}
                {%- set at = modules.datetime.datetime.strptime(given, '%Y-%m-%d') - modules.datetime.timedelta(days=days | int) -%}
                {%- set value = "'" ~ at.strftime('%Y-%m-%d') ~ "'" -%}
            {%- endif -%}
            {%- do filled.update({'sql': filled.sql | replace("'__pulse_" ~ name ~ '_minus_' ~ days ~ "__'", value)}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(filled.sql) }}
{% endmacro %}
