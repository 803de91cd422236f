"""Detectors: pure functions from panels of history to one verdict per test and date.

Order matters only for reading: the faults of the source come before their consequences.
"""

from __future__ import annotations

from pulse_runner.detectors.base import Assessment, Detector, Finding, Limits, Outcome, Settings, Usual, Verdict
from pulse_runner.detectors.broken_segment import BrokenSegment
from pulse_runner.detectors.conversion_anomaly import ConversionAnomaly
from pulse_runner.detectors.distribution_shift import DistributionShift
from pulse_runner.detectors.entity_health import EntityHealth
from pulse_runner.detectors.evaluate import DayReport, evaluate
from pulse_runner.detectors.inactivity_creep import InactivityCreep
from pulse_runner.detectors.panel import DistributionPanel, EntityPanel, MetricPanel, Panels
from pulse_runner.detectors.reach_drop import ReachDrop
from pulse_runner.detectors.size_jump import SizeJump
from pulse_runner.detectors.stale_data import StaleData
from pulse_runner.errors import did_you_mean
from pulse_runner.vocabulary import Severity

DETECTORS: tuple[Detector, ...] = (
    BrokenSegment(),
    StaleData(),
    EntityHealth(),
    SizeJump(),
    ReachDrop(),
    DistributionShift(),
    ConversionAnomaly(),
    InactivityCreep(),
)

BY_NAME = {d.name: d for d in DETECTORS}


def find(name: str) -> Detector | Usual:
    """Return a detector by name; for one that is not there any more, what detectors usually say and how they rank."""
    return BY_NAME.get(name) or Usual()


def unknown_detector(name: str) -> str:
    """Return what is wrong with a detector's name and which one was probably meant; nothing for a name that is one.

    >>> unknown_detector("size_jmp").split(" Detectors")[0]
    "'size_jmp' is not a detector; did you mean `size_jump`?"
    """
    if name in BY_NAME:
        return ""
    near = did_you_mean(name, BY_NAME)
    return f"{name!r} is not a detector{near or '.'} Detectors are {', '.join(BY_NAME)}."


__all__ = [
    "DETECTORS",
    "Assessment",
    "ConversionAnomaly",
    "DayReport",
    "Detector",
    "DistributionPanel",
    "EntityPanel",
    "Finding",
    "InactivityCreep",
    "Limits",
    "MetricPanel",
    "Outcome",
    "Panels",
    "Settings",
    "Severity",
    "SizeJump",
    "Usual",
    "Verdict",
    "evaluate",
    "find",
    "unknown_detector",
]
