{{ config(enabled=pulse.pulse_has_entities()) }}

{{ pulse_of_all_entities('segments', pulse_definition_columns()) }}
