"""The metrics: what is counted, from which columns, and how it is called. Panels, sentences, messages, report and docs derive from here."""

from __future__ import annotations

from pulse_runner.metrics.registry import (
    LADDER,
    LADDER_STEPS,
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
    ladder,
    ladder_of,
    reach,
    snapshot_columns,
    words,
)

__all__ = [
    "LADDER",
    "LADDER_STEPS",
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
    "ladder",
    "ladder_of",
    "reach",
    "snapshot_columns",
    "words",
]
