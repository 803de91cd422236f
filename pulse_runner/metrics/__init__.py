"""The metrics: what is counted, from which columns, and how it is called. Panels, sentences, messages, report and docs derive from here."""

from __future__ import annotations

from pulse_runner.metrics.registry import (
    METRICS,
    PANELS,
    REACH,
    ROWS,
    Metric,
    Table,
    definitions,
    find,
    is_rate,
    label,
    reach,
    snapshot_columns,
    words,
)

__all__ = [
    "METRICS",
    "PANELS",
    "REACH",
    "ROWS",
    "Metric",
    "Table",
    "definitions",
    "find",
    "is_rate",
    "label",
    "reach",
    "snapshot_columns",
    "words",
]
