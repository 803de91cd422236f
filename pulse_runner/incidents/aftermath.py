"""What a fault leaves in the numbers of the day after its last one. Pure.

Conversion counts the members of the day before. On the first good day those are still the fault's members, so a rate that is off
says nothing of that day and opens no incident. When it is off on the next day too, it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from pulse_runner import metrics
from pulse_runner.detectors.base import Finding
from pulse_runner.incidents.incident import Incident

OF_THE_DAY_BEFORE = "eligible"  # the members of the day before, as a denominator
SIZE = "size"


def without_aftermath(fresh: Iterable[Finding], incidents: Iterable[Incident], day: date) -> list[Finding]:
    """Return the findings of a date that are not what an incident left that recovered on that date."""
    ended = {(i.entity, i.segment_id) for i in incidents if _left_members(i, day)}
    return [f for f in fresh if (f.entity, f.segment_id) not in ended or not _looks_back(f, day)]


def _looks_back(finding: Finding, day: date) -> bool:
    return finding.started_on == day and metrics.find(finding.metric).denominator == OF_THE_DAY_BEFORE


def _left_members(incident: Incident, day: date) -> bool:
    """Say whether an incident that is over since a date was about who is a member, up to the day before."""
    is_over = incident.resolution == "recovered" and incident.resolved_on == day
    about_members = SIZE in {incident.metric, *(r.metric for r in incident.related)}
    return is_over and about_members and incident.last_seen_on == day - timedelta(days=1)
