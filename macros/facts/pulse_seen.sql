{# What the warehouse shows of an entity now: {relation, types, broken}. `broken` maps a column that is gone or has another type
   to what is wrong with it; a column of an events relation stands there as <events>.<column>.
   So does one of an events relation that was not made (the var pulse_blind).
   An entity that knows today only is judged by the relation that its history is taken from. #}
{% macro pulse_seen(spec) %}
    {%- set relation = pulse.pulse_relation(spec.relation) -%}
    {%- set inspected = pulse.pulse_relation(spec.original) if spec.original else relation -%}
    {%- set broken = pulse.pulse_broken_columns(inspected, spec.columns, '', spec.get('names', {})) -%}
    {%- for name, events in spec.get('events', {}).items() -%}
        {%- do broken.update(pulse.pulse_broken_columns(pulse.pulse_relation(events.relation), events.columns, name ~ '.', events.get('names', {}))) -%}
    {%- endfor -%}
    {%- for channel, way in spec.get('reach_steps', {}).items() if way.get('destination') -%}
        {%- set d = way.destination -%}
        {%- do broken.update(pulse.pulse_broken_columns(pulse.pulse_relation(d.relation), d.columns, 'reach.' ~ channel ~ '.', d.get('names', {}))) -%}
    {%- endfor -%}
    {%- for name, reason in pulse.pulse_blind(spec.entity).events.items() -%}
        {%- set way = spec.get('reach_steps', {}).get(name[6:], {}) if name.startswith('reach.') else {} -%}
        {%- for column in way.get('destination', {}).get('columns', {}) -%}{%- do broken.update({name ~ '.' ~ column: reason}) -%}{%- endfor -%}
        {%- for column in spec.get('events', {}).get(name, {}).get('columns', {}) -%}{%- do broken.update({name ~ '.' ~ column: reason}) -%}{%- endfor -%}
    {%- endfor -%}
    {{ return({'relation': relation, 'types': pulse.pulse_column_types(inspected) if execute else {}, 'broken': broken}) }}
{% endmacro %}
