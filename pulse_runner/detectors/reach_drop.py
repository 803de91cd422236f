"""reach_drop: fewer members than expected can be reached through a channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Settings, Usual
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import Panels
from pulse_runner.detectors.people import assess_over_episode
from pulse_runner.vocabulary import Direction

TUNING = Tuning(gains=(0.015, 0.05), returns=(0.0, 0.0), usual_pace=0.005, tail=8.0, looks=1.5, share_down=0.98)


@dataclass(frozen=True)
class ReachDrop(Usual):
    """Flag a falling share of members that a channel reaches, or that get through a step of its ladder; one test per channel and step."""

    name: str = "reach_drop"
    default_threshold: float = 0.15
    default_direction: Direction = "down"
    rank: int = 6

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge every channel of every segment, and every step that a destination takes part in.

        >>> from pulse_runner.detectors.panel import MetricPanel
        >>> days = np.datetime64("2026-03-02") + np.arange(35)
        >>> reachable = np.tile([900.0, 903, 898, 901, 899, 902, 897], 5)
        >>> reachable[-1] = 500
        >>> email = MetricPanel("reach:email", ("vip",), days, reachable[None], np.full((1, 35), 1000.0))
        >>> (a,) = ReachDrop().assess(Panels({"reach:email": email}), Settings(), days[-2], days[-1])
        >>> a.sentence(0, 1)
        'Reach by email fell 44.3 % to 50.0 %; 89.7 % expected (87.4 % to 91.7 %) from 34 earlier days.'
        """
        channels = sorted(m for m in panels.metrics if m.startswith(("reach:", "ladder:")))
        return [assess_over_episode(self, panels.metrics[m], settings, first, last, TUNING, days=1) for m in channels]
