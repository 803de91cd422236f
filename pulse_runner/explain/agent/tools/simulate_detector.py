"""simulate_detector: on which days a detector would have found something in a segment, at another threshold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pulse_runner.detect.panels import first_day, metric_panels, only_measured
from pulse_runner.detectors import DETECTORS, Limits, Panels, Settings
from pulse_runner.detectors.evaluate import evaluate
from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, ToolRefused, fact
from pulse_runner.vocabulary import percent, plural

MOST_DAYS = 90


class Given(Arguments):
    """A segment, a detector of series, a threshold as a share, and how many days up to today."""

    segment: str
    detector: str
    threshold: float
    days: int


@dataclass(frozen=True)
class SimulateDetector:
    """Replay one detector of a segment's series over its last days; nothing is stored."""

    name: str = "simulate_detector"
    description: str = (
        "On which days a detector (size_jump, conversion_anomaly, inactivity_creep, reach_drop) would have found something in a "
        "segment at a threshold such as 0.15, in the last days (1 to 90). Tells an odd day from an ordinary one."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return one fact: how many days, and which."""
        segment = desk.segment(given.segment)
        detector = next((d for d in DETECTORS if d.name == given.detector and not d.is_daily), None)
        if detector is None or given.detector in ("entity_health", "broken_segment", "stale_data"):
            raise ToolRefused("that is no detector of a segment's series")
        if not (1 <= given.days <= MOST_DAYS and 0 < given.threshold < 100):
            raise ToolRefused(f"days must be 1 to {MOST_DAYS}, the threshold above 0")
        first = desk.today - timedelta(days=given.days - 1)
        panels = metric_panels(desk.warehouse, (segment.name,), first_day(first), desk.today)
        measured = Panels(metrics=only_measured(panels, desk.project), entities={segment.name: segment.entity})
        settings = Settings({detector.name: Limits(given.threshold)})
        days = [(r.day, f) for r in evaluate(measured, settings, [detector], first, desk.today) for f in r.findings]
        listed = ", ".join(f"{day} ({f.metric} {f.direction} {percent(abs(f.effect))})" for day, f in days[:12])
        text = (
            f"{detector.name} at {percent(given.threshold)} finds something in {segment.name} on"
            f" {plural(len({d for d, _ in days}), 'day')} of the last {given.days}{': ' if listed else ''}{listed}."
        )
        values = {
            "segment_id": segment.name, "detector": detector.name, "threshold": given.threshold, "days": given.days,
            "days_found": len({d for d, _ in days}),
        }  # fmt: skip
        return Result((fact(self.name, text, values, "", "pulse_segment_snapshots"),))
