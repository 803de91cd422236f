"""inactivity_creep: the share of inactive members grows, slowly or at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Direction, Panels, Settings
from pulse_runner.detectors.engine import Tuning
from pulse_runner.detectors.series import assess_series

TUNING = Tuning(
    gains=(0.015, 0.05), returns=(0.0, 0.0), usual_pace=0.005, tail=8.0, looks=1.5, accept_latest=70, share_down=0.02
)


@dataclass(frozen=True)
class InactivityCreep:
    """Flag a rising share of inactive members."""

    name: str = "inactivity_creep"
    default_threshold: float = 0.30
    default_direction: Direction = "up"

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the rate of every segment."""
        if "inactive_rate" not in panels.metrics:
            return []
        return [assess_series(self, panels.metrics["inactive_rate"], settings, first, last, TUNING)]
