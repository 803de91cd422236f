"""Pulse watches audience segments inside your own warehouse. `Pulse` is its Python API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulse_runner.api import Pulse

__all__ = ["Pulse"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load the API when it is asked for: commands start faster without it."""
    if name == "Pulse":
        from pulse_runner.api import Pulse

        return Pulse
    raise AttributeError(f"module 'pulse_runner' has no attribute {name!r}")
