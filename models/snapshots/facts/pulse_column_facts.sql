{{ config(enabled=pulse.pulse_has_entities()) }}

{{ pulse_of_all_entities('health', pulse_health_columns()) }}
