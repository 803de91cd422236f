"""Carry out what a person asks for: find the incidents, act on all of them or on none, and store it with its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pulse_runner.errors import UsageError
from pulse_runner.incidents.actions import act, verb_of
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.store import find_incidents, save
from pulse_runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class Asked:
    """What a person asks for: a verb, of which incidents (names, or starts of ids), by whom, why, and what else it takes.

    `group` takes those with the same cause along, where the verb makes sense for them.
    """

    verb: str
    incidents: Sequence[str]
    by: str
    note: str = ""
    group: bool = False
    to: str = ""
    until: date | None = None
    as_new_normal: bool = False


@dataclass(frozen=True)
class Handled:
    """An incident before and after; they are the same where it was so already."""

    before: Incident
    after: Incident

    def sentence(self, would: str = "") -> str:
        """Say it in one line; `would` is `would be ` where nothing was written."""
        before, after = self.before, self.after
        if before == after:
            return f"{before.name}: {before.status}, nothing to change"
        if before.status != after.status:
            until = f" until {after.until_on}" if after.until_on else ""
            return f"{before.name}: {before.status} -> {would}{after.status}{until}"
        if before.resolution != after.resolution:
            return f"{before.name}: {would}{after.resolution.replace('_', ' ')}"
        if before.until_on and after.status == "ignored" and after.until_on is None:
            return f"{before.name}: {would}ignored for good"
        news = (
            [f"{would}snoozed until {after.until_on}"] if after.until_on and after.until_on != before.until_on else []
        )
        news += [f"{would}in the hands of {after.assignee}"] if after.assignee != before.assignee else []
        return f"{before.name}: {', '.join(news) or f'{would}noted'}"


def handle(warehouse: Warehouse, asked: Asked, day: date, now: datetime, *, dry_run: bool = False) -> list[Handled]:
    """Act on all incidents that are named, or on none, and return them; a repeat changes nothing. UsageError where it makes no sense."""
    verb = verb_of(asked.verb, as_new_normal=asked.as_new_normal, until=asked.until)
    named = find_incidents(warehouse, asked.incidents)
    names = {i.incident_id for i in named}
    done, changes = list[Handled](), []
    for before in find_incidents(warehouse, asked.incidents, group=True) if asked.group else named:
        try:
            change = act(verb, before, asked.by, day, now, asked.note, to=asked.to, until=asked.until)
        except UsageError:
            if before.incident_id in names:
                raise
            continue  # of the same cause, and not in a state for it
        if change or before.incident_id in names:
            done.append(Handled(before, change.incident if change else before))
        changes += [change] if change else []
    if not dry_run:
        save(warehouse, changes)
    return done
