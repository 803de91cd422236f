"""Who is told next when nobody acknowledges. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from pulse_runner.alert.delivery import Delivery
from pulse_runner.alert.routing import Address, distinct
from pulse_runner.incidents.incident import Incident
from pulse_runner.segments.model import Project, Route


def escalated(
    project: Project, incident: Incident, taken: Sequence[Address], past: Sequence[Delivery], day: date, now: datetime
) -> list[Address]:
    """Return the targets that an incident has come to because nobody acknowledged it, each with the reason.

    Who was told once stays among them: the end is told there too. `past` are the deliveries of the incident.
    """
    names, seen, out = list(dict.fromkeys(a.route for a in taken)), {a.settings for a in taken}, list[Address]()
    for name in names:  # grows while a chain goes on
        step = project.routes[name].escalate
        if step is None or step.to in names:
            continue
        if not any(d.route == step.to and d.status != "skipped" for d in past):
            is_waiting = incident.status == "open" and (incident.until_on is None or incident.until_on <= day)
            since = _told_since(project.routes[name], past)
            if not is_waiting or since is None or now - since < timedelta(hours=step.after_hours):
                continue
        names.append(step.to)
        why = f"nobody acknowledged it within {step.after_hours:g} hours of the message to {name}"
        fresh = [a for a in distinct(project, [step.to]) if a.settings not in seen]
        seen |= {a.settings for a in fresh}
        out += [replace(a, escalated=why) for a in fresh]
    return out


def _told_since(route: Route, past: Sequence[Delivery]) -> datetime | None:
    """Return when a route's targets were first told since the last end; a message that did not arrive counts too."""
    targets = {(c.channel, c.address) for c in route.channels}
    own = [d for d in past if (d.channel, d.target) in targets and d.status != "skipped"]
    ended = max((d.planned_at for d in own if d.notification == "resolved"), default=datetime.min)
    return min((d.planned_at for d in own if d.planned_at > ended), default=None)
