"""size_jump: the number of members left what its own days lead one to expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Settings, Usual
from pulse_runner.detectors.engine.series import assess_series
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import Panels
from pulse_runner.vocabulary import Direction

TUNING = Tuning()


@dataclass(frozen=True)
class SizeJump(Usual):
    """Flag sudden and persisting changes of a segment's size."""

    name: str = "size_jump"
    default_threshold: float = 0.15
    default_direction: Direction = "both"
    rank: int = 2
    needs_history: bool = False  # the engine knows itself how many days a count needs

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the size of every segment.

        >>> from pulse_runner.detectors.panel import MetricPanel
        >>> days = np.datetime64("2026-03-02") + np.arange(35)
        >>> sizes = np.tile([1000.0, 1010, 990, 1005, 995, 1002, 998], 5)
        >>> sizes[-1] = 580
        >>> panels = Panels({"size": MetricPanel("size", ("vip",), days, sizes[None])})
        >>> (a,) = SizeJump().assess(panels, Settings(), days[-2], days[-1])
        >>> a.eligible.tolist()
        [[False, True]]
        >>> a.sentence(0, 1)
        'Size fell 41.9 % to 580; 999 expected (931 to 1,072) from 34 earlier days.'
        """
        if "size" not in panels.metrics:
            return []
        panel = panels.metrics["size"]
        rates = settings.false_alarms(self, panel.segment_ids)
        return [assess_series(self, panel, settings, first, last, TUNING, false_alarms=rates)]
