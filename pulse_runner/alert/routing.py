"""Which routes take an incident, and the targets of routes. Pure: each answer comes with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pulse_runner.incidents.incident import Incident
from pulse_runner.segments.columns import readers
from pulse_runner.segments.model import MESSAGES_PER_RUN, Project
from pulse_runner.segments.routing import Traits
from pulse_runner.segments.strict import ChannelSettings
from pulse_runner.vocabulary import Severity, severity_rank

DEFAULT_ROUTE = "default"


@dataclass(frozen=True)
class Address:
    """One target of one route; `escalated` says why it is told although its route does not take the incident."""

    route: str
    min_severity: Severity
    settings: ChannelSettings
    messages_per_run: int = MESSAGES_PER_RUN
    messages_per_hour: int | None = None
    escalated: str = ""

    @property
    def channel(self) -> str:
        """Return the name of the channel."""
        return self.settings.channel

    @property
    def name(self) -> str:
        """Return what tells the target from the route's others; it holds no secret."""
        return self.settings.address

    @property
    def place(self) -> str:
        """Return the target as a person calls it."""
        return self.name or "the screen"

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what identifies the address in pulse_alert_deliveries."""
        return (self.route, self.channel, self.name)


def traits_of(project: Project, incident: Incident, cause: str = "") -> Traits:
    """Return what routes and silences can match of an incident; `cause` is the one that its explanation believes in most."""
    segment = project.segments.get(incident.segment_id)
    return Traits(
        owner=incident.owner or (segment.owner if segment else ""), tag=segment.tags if segment else (),
        entity=incident.entity, segment=incident.segment_id, detector=incident.detector, severity=incident.severity,
        cause=cause, incident=incident.incident_id,
    )  # fmt: skip


def addresses(project: Project, incident: Incident, cause: str = "") -> list[Address] | str:
    """Return where an incident goes, each target once, or the reason why it goes nowhere.

    First come the routes that its segment names, then those whose `match` fits, in the order of the file. A route that says
    `continue: false` ends the walk. An incident of an entity goes where the incidents of the segments go that read its
    column. What no route takes goes to the route `default`, if there is one.
    """
    named = _named(project, incident)
    if isinstance(named, str):
        return named
    taken = _walk(project, incident, named[0], cause)
    if not taken and DEFAULT_ROUTE in project.routes:
        taken = [DEFAULT_ROUTE]
    return distinct(project, taken) if taken else named[1]


def refusals(project: Project, incident: Incident, cause: str = "") -> dict[str, str]:
    """Return why each route that does not take an incident does not, by its name."""
    named = _named(project, incident)
    if isinstance(named, str):
        return {}
    taken = _walk(project, incident, named[0], cause)
    stop = next((name for name in taken if not project.routes[name].goes_on), "")
    traits, out = traits_of(project, incident, cause), {}
    for name, route in project.routes.items():
        if name in taken:
            continue
        why = (
            route.match.misfit(traits) if route.match else "no segment of the incident names it, and it matches nothing"
        )
        out[name] = why or f"route {stop} took it and lets no other have it"
    return out


def _named(project: Project, incident: Incident) -> tuple[list[str], str] | str:
    """Return the routes that segments name for an incident, and what to say where nobody takes it; text where it is nobody's."""
    if incident.segment_id:
        segment = project.segments.get(incident.segment_id)
        if segment is None:
            return f"segment {incident.segment_id} has no definition any more"
        own = [segment]
    else:
        own = readers(project, incident.entity, incident.columns)
        own = [s for s in own if s.name in incident.segments] or own
    nobody = "no alert route: add `alerts: [ROUTE]` to the segment, or a route named default"
    if not own:
        nobody = f"no segment reads {' or '.join(sorted(incident.columns))}, and there is no route named default"
    return list(dict.fromkeys(r for s in own for r in s.alerts)), nobody


def _walk(project: Project, incident: Incident, named: Sequence[str], cause: str) -> list[str]:
    traits = traits_of(project, incident, cause)
    fitting = [r.name for r in project.routes.values() if r.match and not r.match.misfit(traits)]
    taken = list[str]()
    for name in dict.fromkeys((*named, *fitting)):
        taken.append(name)
        if not project.routes[name].goes_on:
            break
    return taken


def distinct(project: Project, routes: Sequence[str]) -> list[Address]:
    """Return the targets of routes; one that several routes share is listed once, at the lowest `min_severity`."""
    found: dict[ChannelSettings, Address] = {}
    for name in routes:
        route = project.routes[name]
        for settings in route.channels:
            lower = Address(name, route.min_severity, settings, route.messages_per_run, route.messages_per_hour)
            known = found.setdefault(settings, lower)
            if severity_rank(lower.min_severity) < severity_rank(known.min_severity):
                found[settings] = replace(known, min_severity=lower.min_severity)
    return list(found.values())
