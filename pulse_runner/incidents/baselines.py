"""What incidents mean for baselines: days that are not learned from, and levels that count as the new normal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from pulse_runner import metrics
from pulse_runner.detectors.base import Key
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.lifecycle import accepted_levels, confirmed_days

__all__ = ["accepted_levels", "confirmed_days", "distribution_exclusions"]

EVER = date(1900, 1, 1)


def distribution_exclusions(incidents: Iterable[Incident], before: date) -> list[tuple[str, str, date, date]]:
    """Return (segment_id, attribute, from_date, to_date) of days that distribution baselines leave out.

    Days of incidents, and all days before a level that was accepted as the new normal. Incidents that began on `before` or later
    are not known yet: they say nothing about a date that is judged again.
    """
    known = [i for i in incidents if i.started_on < before]
    rows: list[tuple[str, str, date, date]] = []

    def add(key: Key, first: date, last: date) -> None:
        if metrics.find(key[3]).is_distribution and key[4]:
            rows.append((key[1], key[4], first, last))

    for key, spans in confirmed_days(known, before).items():
        for first, last in spans:
            add(key, first, last)
    for key, accepted in accepted_levels(known).items():
        add(key, EVER, accepted - timedelta(days=1))
    return sorted(rows)
