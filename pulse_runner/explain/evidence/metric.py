"""How a case's metric is named and written."""

from __future__ import annotations

from pulse_runner.explain.case import Case
from pulse_runner.explain.figures import count, percent

RATES = {"conversion_rate": ("converted", "eligible"), "inactive_rate": ("inactive", "size")}
COUNTS = ("size", "entered", "exited", "converted", "inactive")


def is_rate(case: Case) -> bool:
    """Say whether the metric is a share from 0 to 1."""
    return case.metric in RATES or case.metric.startswith("reach:") or case.detector == "distribution_shift"


def number(value: float, rate: bool) -> str:
    """Write a value of a metric as people read it."""
    return percent(value) if rate else count(value)


def label(case: Case) -> str:
    """Name the metric as a sentence begins with it."""
    if case.detector == "distribution_shift":
        return f"The distance of {case.attribute} from its baseline"
    if case.metric.startswith("reach:"):
        return f"Reach by {case.metric.removeprefix('reach:')}"
    return case.metric.replace("_", " ").capitalize()
