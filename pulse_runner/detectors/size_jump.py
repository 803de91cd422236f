"""size_jump: the number of members left what its own days lead one to expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Direction, Panels, Settings
from pulse_runner.detectors.engine import Tuning
from pulse_runner.detectors.series import assess_series

TUNING = Tuning()


@dataclass(frozen=True)
class SizeJump:
    """Flag sudden and persisting changes of a segment's size."""

    name: str = "size_jump"
    default_threshold: float = 0.15
    default_direction: Direction = "both"

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the size of every segment."""
        if "size" not in panels.metrics:
            return []
        return [assess_series(self, panels.metrics["size"], settings, first, last, TUNING)]
