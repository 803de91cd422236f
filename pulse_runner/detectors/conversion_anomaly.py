"""conversion_anomaly: the share of yesterday's members who converted left what their own days lead one to expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Direction, Panels, Settings
from pulse_runner.detectors.engine import Tuning
from pulse_runner.detectors.series import assess_series

TUNING = Tuning(
    gains=(0.015, 0.05), returns=(0.0, 0.0), leaks=(0.0, 0.5, 0.8, 0.92, 0.97), usual_pace=0.005, week_pace=0.03,
    spread_pace=0.012, tail=40.0, looks=1.05, share_down=0.85, accept_latest=70,
)  # fmt: skip


@dataclass(frozen=True)
class ConversionAnomaly:
    """Flag changes of a segment's daily conversion rate."""

    name: str = "conversion_anomaly"
    default_threshold: float = 0.25
    default_direction: Direction = "both"

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the rate of every segment."""
        if "conversion_rate" not in panels.metrics:
            return []
        return [assess_series(self, panels.metrics["conversion_rate"], settings, first, last, TUNING)]
