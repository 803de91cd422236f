"""Detectors: pure functions from panels of history to one verdict per test and date.

Order matters only for reading: the faults of the source come before their consequences.
"""

from __future__ import annotations

from pulse_runner.detectors.base import (
    Assessment,
    Detector,
    DistributionPanel,
    EntityPanel,
    Finding,
    Kind,
    MetricPanel,
    Panels,
    Rule,
    Settings,
    Severity,
    Verdict,
)
from pulse_runner.detectors.broken_segment import BrokenSegment
from pulse_runner.detectors.conversion_anomaly import ConversionAnomaly
from pulse_runner.detectors.distribution_shift import DistributionShift
from pulse_runner.detectors.entity_health import EntityHealth
from pulse_runner.detectors.evaluate import DayReport, evaluate
from pulse_runner.detectors.inactivity_creep import InactivityCreep
from pulse_runner.detectors.reach_drop import ReachDrop
from pulse_runner.detectors.size_jump import SizeJump
from pulse_runner.detectors.stale_data import StaleData

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

__all__ = [
    "DETECTORS",
    "Assessment",
    "DayReport",
    "Detector",
    "DistributionPanel",
    "EntityPanel",
    "Finding",
    "Kind",
    "MetricPanel",
    "Panels",
    "Rule",
    "Settings",
    "Severity",
    "Verdict",
    "evaluate",
]
