"""The shape of segments/routes.yml, and what is made of it. Channels add the settings of their targets (`schema.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator
from pydantic import Field as PField

from pulse_runner.errors import did_you_mean
from pulse_runner.segments.model import MESSAGES_PER_RUN, Route
from pulse_runner.segments.routing import (
    FOLLOW_UPS,
    WEEKDAYS,
    DigestTime,
    Escalation,
    FollowUp,
    GroupBy,
    Hours,
    Match,
    Then,
)
from pulse_runner.segments.source import Document, Path
from pulse_runner.segments.strict import CLOCK, ChannelSettings, Name, Spec, Text
from pulse_runner.vocabulary import Severity

Words = Annotated[
    list[Text],
    PField(min_length=1),
    BeforeValidator(
        lambda given: [given] if isinstance(given, str) else given, json_schema_input_type=Text | list[Text]
    ),
]
Clock = Annotated[str, PField(pattern=CLOCK, description="A time of day, such as 08:00.")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Zone = Annotated[Text | None, PField(description="A name of the tz database; the file's `time_zone` when left out.")]
Always = Annotated[Severity | None, PField(description="From this severity on it is told at once all the same.")]
Budget = Annotated[
    int,
    PField(ge=1, le=1000, description="Messages that a target gets in one run; the rest is named in one digest."),
]
HourBudget = Annotated[
    int,
    PField(ge=1, le=1000, description="Messages that a target gets in one hour; the rest is named in one digest."),
]


class MatchSpec(Spec):
    """Which incidents a route takes although no segment names it; `*` and `?` stand for anything."""

    owner: Words | None = None
    tag: Words | None = None
    entity: Words | None = None
    segment: Words | None = None
    detector: Words | None = None
    severity: (
        Annotated[
            list[Severity],
            PField(min_length=1),
            BeforeValidator(
                lambda given: [given] if isinstance(given, str) else given,
                json_schema_input_type=Severity | list[Severity],
            ),
        ]
        | None
    ) = None
    cause: Annotated[Words | None, PField(description="The cause that `pulse explain` believes in most.")] = None


class HoursSpec(Spec):
    """Times of day, and what happens to what may not go out: hold it, hold it for one digest, or drop it."""

    from_: Annotated[Clock, PField(alias="from")]
    to: Clock
    days: Annotated[list[Weekday], PField(min_length=1, description="All of them when left out.")] = PField(
        default_factory=lambda: list(get_args(Weekday))
    )
    time_zone: Zone = None
    then: Then = "hold"
    always: Always = None


class DigestSpec(Spec):
    """Tell everything in one message, every day or every week."""

    every: Literal["day", "week"] = "day"
    at: Clock = "08:00"
    weekday: Annotated[Weekday, PField(description="For a weekly digest.")] = "mon"
    time_zone: Zone = None
    always: Always = None


class EscalationSpec(Spec):
    """Who is told when nobody has acknowledged."""

    after_hours: Annotated[float, PField(gt=0, le=1000)]
    to: Annotated[Text, PField(description="Another route of this file.")]


class RouteSpec(Spec):
    """A named list of channels: which incidents it takes, when it may speak, how often, and who is next."""

    match: MatchSpec | None = None
    continue_: Annotated[
        bool, PField(alias="continue", description="Whether the routes after it may take the same incident.")
    ] = True
    min_severity: Severity = "low"
    quiet_hours: HoursSpec | None = None
    business_hours: HoursSpec | None = None
    digest: DigestSpec | None = None
    repeat_days: Annotated[
        int | None,
        PField(ge=0, le=365, description="Days until a reminder; 0 for none. PULSE_REPEAT_DAYS when left out."),
    ] = None
    group_by: Annotated[GroupBy, PField(description="What shares a message.")] = "cause"
    follow_ups: Annotated[
        list[FollowUp], PField(description="What is told after the first message; all when left out.")
    ] = PField(default_factory=lambda: list(FOLLOW_UPS))
    escalate: EscalationSpec | None = None
    messages_per_run: Budget | None = None
    messages_per_hour: HourBudget | None = None
    channels: Annotated[list[ChannelSettings], PField(min_length=1)]


class RoutesSpec(Spec):
    """The alert routes of the project, in the order in which they are asked."""

    time_zone: Annotated[Text, PField(description="Of all times of day in this file.")] = "UTC"
    messages_per_run: Budget = MESSAGES_PER_RUN
    messages_per_hour: HourBudget | None = None
    routes: dict[Name, RouteSpec]


def routes_of(spec: Any) -> dict[str, Route]:
    """Return the routes of a checked file by name, in its order."""
    return {name: _route(name, route, spec) for name, route in spec.routes.items()}


def _route(name: str, r: Any, every: Any) -> Route:
    def zone(given: Any) -> str:
        return str(given.time_zone or every.time_zone)

    def hours(given: Any) -> Hours | None:
        if given is None:
            return None
        days = tuple(sorted(map(WEEKDAYS.index, given.days)))
        return Hours(_clock(given.from_), _clock(given.to), days, zone(given), given.then, given.always)

    digest = r.digest and DigestTime(
        _clock(r.digest.at), zone(r.digest), WEEKDAYS.index(r.digest.weekday) if r.digest.every == "week" else None,
        r.digest.always,
    )  # fmt: skip
    return Route(
        name, tuple(r.channels), r.min_severity, r.messages_per_run or every.messages_per_run,
        match=r.match and Match(**{k: tuple(v) for k, v in r.match if v}),
        goes_on=r.continue_, quiet_hours=hours(r.quiet_hours), business_hours=hours(r.business_hours), digest=digest,
        repeat_days=r.repeat_days, group_by=r.group_by, follow_ups=tuple(r.follow_ups),
        escalate=r.escalate and Escalation(r.escalate.after_hours, r.escalate.to),
        messages_per_hour=r.messages_per_hour or every.messages_per_hour,
    )  # fmt: skip


def _clock(text: str) -> time:
    return time.fromisoformat(text)


def check_routes(document: Document, spec: Any, known: Mapping[str, Sequence[str]]) -> None:
    """Complain of names in a routes file that nothing has: `known` lists owners, tags, entities, segments, detectors and causes."""
    _zone(document, ("time_zone",), spec.time_zone)
    for name, route in spec.routes.items():
        path: Path = ("routes", name)
        for part in ("quiet_hours", "business_hours", "digest"):
            given = getattr(route, part)
            if given is not None and given.time_zone:
                _zone(document, (*path, part, "time_zone"), given.time_zone)
            if given is not None and part != "digest" and given.from_ == given.to:
                document.complain((*path, part), f"`{part}` begins and ends at {given.to}")
        for trait, words in (route.match or MatchSpec()) if route.match else ():
            for word in words or ():
                if trait in known and not set(word) & set("*?[") and word not in known[trait]:
                    near = did_you_mean(word, known[trait]) or "; nothing has it"
                    document.complain((*path, "match", trait), f"unknown {trait} `{word}`{near}")
        _escalation(document, path, name, route, spec.routes)


def _escalation(document: Document, path: Path, name: str, route: Any, routes: Mapping[str, Any]) -> None:
    if route.escalate is None:
        return
    to = route.escalate.to
    if to not in routes:
        document.complain((*path, "escalate", "to"), f"unknown alert route `{to}`{did_you_mean(to, list(routes))}")
        return
    seen = [name]
    while to in routes and to not in seen:
        seen.append(to)
        to = routes[to].escalate.to if routes[to].escalate else ""
    if to in seen:
        document.complain((*path, "escalate", "to"), f"the escalation runs in a circle: {' -> '.join([*seen, to])}")


def _zone(document: Document, path: Path, name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        near = did_you_mean(name, available_timezones()) or "; write a name such as Europe/Berlin"
        document.complain(path, f"`{name}` is not a time zone{near}")
