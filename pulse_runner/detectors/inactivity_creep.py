"""inactivity_creep: the share of inactive members grows, slowly or at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulse_runner.detectors.base import Assessment, Settings, Usual
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import Panels
from pulse_runner.detectors.people import assess_over_episode
from pulse_runner.vocabulary import Direction

TUNING = Tuning(
    gains=(0.015, 0.05),
    returns=(0.0, 0.0),
    usual_pace=0.005,
    tail=8.0,
    looks=1.5,
    accept_latest=70,
    share_down=0.02,
)


@dataclass(frozen=True)
class InactivityCreep(Usual):
    """Flag a rising share of inactive members."""

    name: str = "inactivity_creep"
    default_threshold: float = 0.30
    default_direction: Direction = "up"
    rank: int = 5

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the rate of every segment.

        Four more inactive members a day, of a thousand, are told in the second week, and dated back to where they began.

        >>> from pulse_runner.detectors.panel import MetricPanel
        >>> days = np.datetime64("2026-03-02") + np.arange(70)
        >>> inactive = np.tile([200.0, 203, 198, 201, 199, 202, 197], 10)
        >>> inactive[45:] += 4 * np.arange(1, 26)
        >>> rate = MetricPanel("inactive_rate", ("vip",), days, inactive[None], np.full((1, 70), 1000.0))
        >>> (a,) = InactivityCreep().assess(Panels({"inactive_rate": rate}), Settings(), days[40], days[-1])
        >>> str(a.dates[a.eligible[0]][0]), str(a.started[0, -1])
        ('2026-04-22', '2026-04-14')
        >>> a.sentence(0, 29)
        'Inactive rate rose 50.0 % to 29.7 %; 19.8 % expected (17.3 % to 22.6 %) from 51 earlier days, since 2026-04-14.'
        """
        if "inactive_rate" not in panels.metrics:
            return []
        return [assess_over_episode(self, panels.metrics["inactive_rate"], settings, first, last, TUNING, days=1)]
