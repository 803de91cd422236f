"""reach_drop: fewer members than expected can be reached through a channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Direction, Panels, Settings
from pulse_runner.detectors.engine import Tuning
from pulse_runner.detectors.series import assess_series

TUNING = Tuning(gains=(0.015, 0.05), returns=(0.0, 0.0), usual_pace=0.005, tail=8.0, looks=1.5, share_down=0.98)


@dataclass(frozen=True)
class ReachDrop:
    """Flag a falling share of members that a channel reaches; one test per channel."""

    name: str = "reach_drop"
    default_threshold: float = 0.15
    default_direction: Direction = "down"

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge every channel of every segment."""
        channels = sorted(m for m in panels.metrics if m.startswith("reach:"))
        return [assess_series(self, panels.metrics[m], settings, first, last, TUNING) for m in channels]
