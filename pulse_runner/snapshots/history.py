"""The warehouse's own history in the form that a replay takes."""

from __future__ import annotations

from datetime import date

from pulse_runner.backtest.read import History
from pulse_runner.segments.model import Project
from pulse_runner.snapshots.distributions import distribution_histories
from pulse_runner.snapshots.known_events import excluded_days
from pulse_runner.snapshots.panels import constrained_attributes, day_axis, first_day, metric_panels
from pulse_runner.warehouse.base import Warehouse


def warehouse_history(warehouse: Warehouse, project: Project, first: date, last: date) -> History:
    """Return the stored snapshots up to `last`, from early enough before `first` for baselines; known events are left out.

    Incidents that are stored play no part: a replay finds its own.
    """
    segments = tuple(sorted(s.name for s in project.segments.values() if s.enabled))
    start = first_day(first)
    muted = excluded_days(warehouse, project, segments, day_axis(start, last))
    return History(
        metrics=metric_panels(warehouse, segments, start, last, muted),
        distributions=distribution_histories(warehouse, segments, first, last),
        owners={s.name: s.owner for s in project.segments.values()},
        entities={s.name: s.entity for s in project.segments.values()},
        constrained=constrained_attributes(project),
    )
