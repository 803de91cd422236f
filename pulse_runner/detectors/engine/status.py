"""What stale_data and broken_segment share: a status that the snapshot itself states, which needs no statistics."""

from __future__ import annotations

import numpy as np

from pulse_runner.arrays import Bools
from pulse_runner.detectors.base import Assessment, Detector, Outcome, Settings
from pulse_runner.detectors.panel import MetricPanel, Panels


def assess_status(
    detector: Detector,
    panels: Panels,
    settings: Settings,
    first: np.datetime64,
    last: np.datetime64,
    status: str,
    what: str,
) -> list[Assessment]:
    """Judge the days on which a segment's snapshot has `status`; `what` is the sentence in front of the stated reason."""
    panel = panels.metrics.get("size")
    if panel is None or panel.status is None:
        return []
    start = max(int((first - panel.dates[0]).astype(int)), 0)
    stop = int((last - panel.dates[0]).astype(int)) + 1
    hit: Bools = panel.status[:, :stop] == status
    runs = _run_lengths(hit)
    muted = np.zeros_like(hit) if panel.excluded is None else panel.excluded[:, :stop]
    threshold, _, enabled = settings.vectors(detector, panel.segment_ids)
    known = panel.status[:, :stop] != ""
    kind = np.where(known, Outcome.QUIET, Outcome.NO_DATA).astype(np.int8)
    kind[muted] = Outcome.MUTED
    kind[~enabled] = Outcome.DISABLED
    late = runs >= np.maximum(threshold, 1)[:, None]
    shape = hit[:, start:].shape
    nan = np.full(shape, np.nan)

    def say(s: int, d: int) -> str:
        t = start + d
        if not hit[s, t]:
            return f"The snapshot of {panel.dates[t]} is not {status.replace('_', ' ')}."
        stated = (
            "" if panel.status_reason is None or not panel.status_reason[s, t] else f": {panel.status_reason[s, t]}"
        )
        since = "" if runs[s, t] < 2 else f" It has been so for {int(runs[s, t])} days."
        return f"{what}{stated}.{since}"

    return [
        Assessment(
            detector=detector.name, metric="status", attribute=None, segment_ids=panel.segment_ids,
            entities=("",) * len(panel.segment_ids), dates=panel.dates[start:stop], kind=kind[:, start:],
            eligible=(hit & late & ~muted & enabled[:, None])[:, start:], fresh=np.zeros(shape, bool),
            p_value=np.where(hit[:, start:], 0.0, 1.0), observed=_last_value(panel, stop)[:, start:], expected=nan,
            lower=nan, upper=nan, effect=np.where(hit, runs, 0.0)[:, start:],
            started=(panel.dates[:stop] - (np.maximum(runs, 1) - 1).astype("timedelta64[D]"))[:, start:],
            abnormal=hit[:, start:], rebased=np.zeros(shape, bool), needs=nan, threshold=threshold, sentence=say,
            grade=detector.severity,
        )
    ]  # fmt: skip


def _run_lengths(hit: Bools) -> np.ndarray:
    """Return how many days in a row each true day has been true."""
    runs = np.zeros(hit.shape, int)
    for t in range(hit.shape[1]):
        runs[:, t] = np.where(hit[:, t], (runs[:, t - 1] if t else 0) + 1, 0)
    return runs


def _last_value(panel: MetricPanel, stop: int) -> np.ndarray:
    """Return the last known size up to each day."""
    value = panel.numerator[:, :stop].copy()
    for t in range(1, stop):
        value[:, t] = np.where(np.isfinite(value[:, t]), value[:, t], value[:, t - 1])
    return value
