"""Which day a relation without history shows, and which dates a run covers because of that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from pulse_runner.errors import UsageError
from pulse_runner.segments.model import Project


def present_day(local: datetime, variables: Mapping[str, Any]) -> date:
    """Return the day that a relation without history shows at a local time: today, or the day before until `pulse_day_ends_at`.

    `variables` are those of dbt_project.yml. The macro pulse_present does the same for `dbt build` alone.

    >>> present_day(datetime(2026, 6, 10, 6, 30), {})
    datetime.date(2026, 6, 10)
    >>> present_day(datetime(2026, 6, 10, 6, 30), {"pulse_day_ends_at": "07:00"})
    datetime.date(2026, 6, 9)
    """
    ends_at = str(variables.get("pulse_day_ends_at", "00:00"))
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", ends_at):
        raise UsageError(
            f'dbt_project.yml: pulse_day_ends_at: {ends_at} is not a time of day. Write HH:MM in quotes, such as "04:00".'
        )
    is_before = f"{local:%H:%M}" < ends_at.rjust(5, "0")
    return local.date() - timedelta(days=1) if is_before else local.date()


def covered_days(project: Project, day: date, present: date) -> list[date]:
    """Return the dates that a run of `day` makes snapshots of, in order.

    Where an entity has no history, the day that it shows now is one of them when the run reaches up to the day before it. The macro
    pulse_taken_day decides the same.
    """
    takes = present <= day + timedelta(days=1) and any(e.history.kind == "none" for e in project.entities.values())
    return sorted({day, present}) if takes else [day]
