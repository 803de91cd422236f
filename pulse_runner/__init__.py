"""Pulse watches audience segments inside your own warehouse."""

__version__ = "0.1.0"
