"""conversion_anomaly: the share of yesterday's members who converted left what their own days lead one to expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pulse_runner.detectors.base import Assessment, Settings, Usual
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import MetricPanel, Panels
from pulse_runner.detectors.people import assess_over_episode
from pulse_runner.detectors.pooling import groups, pool, together
from pulse_runner.vocabulary import Direction

TUNING = Tuning(
    gains=(0.015, 0.05), returns=(0.0, 0.0), leaks=(0.0, 0.5, 0.8, 0.92, 0.97), usual_pace=0.005, week_pace=0.03,
    spread_pace=0.012, tail=40.0, looks=1.05, share_down=0.85, accept_latest=70,
)  # fmt: skip


@dataclass(frozen=True)
class ConversionAnomaly(Usual):
    """Flag changes of a segment's daily conversion rate."""

    name: str = "conversion_anomaly"
    default_threshold: float = 0.25
    default_direction: Direction = "both"
    rank: int = 4

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the rate of every segment.

        >>> from pulse_runner.detectors.panel import MetricPanel
        >>> days = np.datetime64("2026-03-02") + np.arange(35)
        >>> converted = np.tile([50.0, 52, 49, 51, 48, 50, 53], 5)
        >>> converted[-1] = 20
        >>> rate = MetricPanel("conversion_rate", ("vip",), days, converted[None], np.full((1, 35), 1000.0))
        >>> (a,) = ConversionAnomaly().assess(Panels({"conversion_rate": rate}), Settings(), days[-2], days[-1])
        >>> a.eligible.tolist()
        [[False, True]]
        >>> a.sentence(0, 1)
        'Conversion rate fell 62.1 % to 2.0 %; 5.3 % expected (3.9 % to 7.1 %) from 34 earlier days.'
        """
        if "conversion_rate" not in panels.metrics:
            return []
        panel = panels.metrics["conversion_rate"]
        pooled = pool(panel, panels.entities)
        out = [assess_over_episode(self, panel, settings, first, last, TUNING, pooled=pooled)]
        members = groups(panel, panels.entities)
        if members:
            whole = together(panel, members)
            out.append(self._of_relations(whole, members, settings, first, last))
        return out

    def _of_relations(
        self, panel: MetricPanel, members: Mapping[str, list[int]], settings: Settings, first: np.datetime64, last: np.datetime64
    ) -> Assessment:  # fmt: skip
        """Judge what the segments of an entity do together: what they all do is nothing odd in any of them."""
        whole = assess_over_episode(self, panel, settings, first, last, TUNING)

        def say(s: int, d: int) -> str:
            entity = panel.segment_ids[s]
            return f"Over the {len(members[entity])} segments of {entity}: {whole.sentence(s, d)}"

        return replace(whole, entities=panel.segment_ids, segment_ids=("",) * len(members), sentence=say)
