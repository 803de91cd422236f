"""Pulse in a dbt project that somebody has already: what it would add, what it found, and how it goes again."""
