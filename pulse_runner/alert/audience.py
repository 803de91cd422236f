"""What the owner of an audience asks first: can I send to it, and when is it right again? Pure."""

from __future__ import annotations

from pulse_runner.explain.case import SIZES
from pulse_runner.explain.causes import is_data_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.incidents.incident import STATUS, Incident
from pulse_runner.metrics import words

AFTER = "Right again with the first run after the repair."


def campaigns(incident: Incident, label: str, first: Hypothesis | None) -> str:
    """Return whether campaigns should be held, as far as the first hypothesis knows: short, for a phone's first screen."""
    whom = label if incident.segment_id else f"the segments of {label}"
    if incident.metric == STATUS:
        return f"Hold those that need today's members of {whom}. {AFTER}"
    if incident.segment_id and incident.attribute:
        return f"Who is in {whom} is not in question; their {incident.attribute} is. Look before you send by {incident.attribute}."
    if incident.segment_id and incident.metric not in SIZES:
        what = "whom it reaches" if incident.metric.startswith("reach:") else f"its {words(incident.metric)}"
        return f"Who is in {whom} is not in question; {what} is."
    fault = is_data_fault(first.cause) if first is not None else None
    if fault is None or first is None:
        return f"Not known yet for {whom}: look before you send."
    if not fault:
        return f"No need to hold those to {whom}: no data fault was found."
    if first.confidence != "high":
        return f"Look before you send to {whom}: the data may be at fault."
    return f"Hold those to {whom}: a fault of the data. {AFTER}"
