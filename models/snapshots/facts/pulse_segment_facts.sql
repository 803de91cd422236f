{{ config(enabled=pulse.pulse_has_entities()) }}

{{ pulse_of_all_entities('facts', pulse_fact_columns()) }}
