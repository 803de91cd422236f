"""stale_data: the source was not refreshed, so the segment only looks unchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Finding, Settings, Usual
from pulse_runner.detectors.engine.status import assess_status
from pulse_runner.detectors.panel import Panels
from pulse_runner.vocabulary import Direction, Severity


@dataclass(frozen=True)
class StaleData(Usual):
    """Flag segments whose source is not fresh; the threshold is the number of days in a row."""

    name: str = "stale_data"
    default_threshold: float = 1.0
    default_direction: Direction = "up"
    rank: int = 1
    is_graded: bool = False

    def severity(self, effect: float, threshold: float) -> Severity:
        """Return medium on the first two days, high from the third."""
        return "high" if effect >= 3 else "medium"

    def headline(self, finding: Finding) -> str:
        """Say what is late."""
        return "the source is stale"

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the status of every segment.

        >>> from pulse_runner.detectors.panel import MetricPanel
        >>> days = np.datetime64("2026-03-02") + np.arange(3)
        >>> status = np.array([["ok", "ok", "stale"]])
        >>> size = MetricPanel("size", ("vip",), days, np.array([[10.0, 11.0, np.nan]]), status=status)
        >>> (a,) = StaleData().assess(Panels({"size": size}), Settings(), days[0], days[-1])
        >>> a.eligible.tolist()
        [[False, False, True]]
        """
        return assess_status(self, panels, settings, first, last, "stale", "The source has not been refreshed")
