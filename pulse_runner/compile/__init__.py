"""From definitions to dbt models: pure text, no warehouse and no dbt."""
