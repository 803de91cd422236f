"""Causes that an incident can have, one file each, the most telling first: it breaks ties."""

from __future__ import annotations

from pulse_runner.explain.causes.aged_out import AgedOut
from pulse_runner.explain.causes.base import Cause
from pulse_runner.explain.causes.campaign import Campaign
from pulse_runner.explain.causes.consent_loss import ConsentLoss
from pulse_runner.explain.causes.dates_shifted import DatesShifted
from pulse_runner.explain.causes.default_filled import DefaultFilled
from pulse_runner.explain.causes.destination import Destination
from pulse_runner.explain.causes.drift import Drift
from pulse_runner.explain.causes.duplicate_load import DuplicateLoad
from pulse_runner.explain.causes.edited_rule import EditedRule
from pulse_runner.explain.causes.known_event import KnownEvent
from pulse_runner.explain.causes.missing_column import MissingColumn
from pulse_runner.explain.causes.model_changed import ModelChanged
from pulse_runner.explain.causes.null_burst import NullBurst
from pulse_runner.explain.causes.null_keys import NullKeys
from pulse_runner.explain.causes.recoded import Recoded
from pulse_runner.explain.causes.restated_events import RestatedEvents
from pulse_runner.explain.causes.row_count import RowCount
from pulse_runner.explain.causes.stale_load import StaleLoad
from pulse_runner.explain.causes.tracking_loss import TrackingLoss
from pulse_runner.explain.causes.upstream_node import UpstreamNode
from pulse_runner.explain.causes.values_changed import ValuesChanged

CAUSES: tuple[Cause, ...] = (
    UpstreamNode(),
    MissingColumn(),
    EditedRule(),
    DuplicateLoad(),
    NullKeys(),
    RowCount(),
    StaleLoad(),
    Recoded(),
    DefaultFilled(),
    NullBurst(),
    DatesShifted(),
    ConsentLoss(),
    Destination(),
    TrackingLoss(),
    ValuesChanged(),
    RestatedEvents(),
    ModelChanged(),  # behind the faults that are measured in a column: these cite the edit
    KnownEvent(),
    Campaign(),
    AgedOut(),
    Drift(),
)
MEASURED_FAULTS: frozenset[str] = frozenset(kind for cause in CAUSES for kind in cause.faults)


def is_data_fault(name: str) -> bool | None:
    """Say whether a cause of this name is a fault of the data rather than of people or of a rule; None for one that nobody knows.

    >>> is_data_fault("null_burst"), is_data_fault("people_drifted"), is_data_fault("rule_edited"), is_data_fault("unknown")
    (True, False, False, None)
    """
    cause = next((c for c in CAUSES if name in c.names), None)
    return None if cause is None else bool(cause.faults) and not isinstance(cause, EditedRule)
