"""Incidents: what people handle. `lifecycle` decides, `store` writes."""
