"""Faults of the catalogue planted upstream of an entity, through dbt build, detect and explain."""
