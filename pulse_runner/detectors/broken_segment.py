"""broken_segment: the rule can no longer be evaluated, because a column is gone or has another type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Finding, Settings, Usual
from pulse_runner.detectors.engine.status import assess_status
from pulse_runner.detectors.panel import Panels
from pulse_runner.vocabulary import Direction, Severity


@dataclass(frozen=True)
class BrokenSegment(Usual):
    """Flag segments whose rule cannot be evaluated; the threshold is the number of days in a row."""

    name: str = "broken_segment"
    default_threshold: float = 1.0
    default_direction: Direction = "up"
    rank: int = 0
    is_graded: bool = False

    def severity(self, effect: float, threshold: float) -> Severity:
        """Return critical: nothing is known about the segment."""
        return "critical"

    def headline(self, finding: Finding) -> str:
        """Say what cannot be done."""
        return "the rule cannot be evaluated"

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the status of every segment.

        >>> from pulse_runner.detectors.panel import MetricPanel
        >>> days = np.datetime64("2026-03-02") + np.arange(3)
        >>> status = np.array([["ok", "ok", "broken"]])
        >>> size = MetricPanel("size", ("vip",), days, np.array([[10.0, 11.0, np.nan]]), status=status)
        >>> (a,) = BrokenSegment().assess(Panels({"size": size}), Settings(), days[0], days[-1])
        >>> a.eligible.tolist()
        [[False, False, True]]
        """
        return assess_status(self, panels, settings, first, last, "broken", "The rule cannot be evaluated")
