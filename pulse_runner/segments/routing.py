"""What a route says beside its channels: which incidents it takes, when it may speak, how often, and who is next. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import time
from fnmatch import fnmatchcase
from typing import Literal, get_args

from pulse_runner.vocabulary import Severity

GroupBy = Literal["cause", "incident", "segment", "owner"]
FollowUp = Literal["worsened", "grew", "explained", "acknowledged", "resolved"]
FOLLOW_UPS: tuple[FollowUp, ...] = get_args(FollowUp)
Then = Literal["hold", "digest", "drop"]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Traits:
    """What can be matched of an incident; `tag` holds those of its segment, '' is what it has not."""

    owner: str = ""
    tag: tuple[str, ...] = ()
    entity: str = ""
    segment: str = ""
    detector: str = ""
    severity: str = ""
    cause: str = ""
    incident: str = ""


@dataclass(frozen=True)
class Match:
    """Which incidents are meant: of each list that is not empty, one entry must fit. `*` and `?` stand for anything."""

    owner: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    entity: tuple[str, ...] = ()
    segment: tuple[str, ...] = ()
    detector: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    cause: tuple[str, ...] = ()
    incident: tuple[str, ...] = ()

    def misfit(self, traits: Traits) -> str:
        """Say what does not fit; '' when all does.

        >>> Match(owner=("crm*",), severity=("high", "critical")).misfit(Traits(owner="growth", severity="high"))
        'owner is growth, not crm*'
        >>> Match(tag=("vip",)).misfit(Traits(tag=("vip", "eu")))
        ''
        """
        for field in fields(self):
            wanted, has = getattr(self, field.name), getattr(traits, field.name)
            given = has if isinstance(has, tuple) else (has,)
            if wanted and not any(fnmatchcase(value, pattern) for value in given for pattern in wanted):
                return f"{field.name} is {' and '.join(v for v in given if v) or 'none'}, not {' or '.join(wanted)}"
        return ""

    def words(self) -> str:
        """Return it as a person reads it.

        >>> Match(owner=("crm",), severity=("high", "critical")).words()
        'owner crm, severity high or critical'
        """
        said = [f"{f.name} {' or '.join(getattr(self, f.name))}" for f in fields(self) if getattr(self, f.name)]
        return ", ".join(said) or "everything"


@dataclass(frozen=True)
class Hours:
    """Times of day on some weekdays (0 is Monday) in a time zone, and what happens to messages that may not go out.

    `ends` at or before `starts` is on the next day. `always` is the severity from which on messages go out all the same.
    """

    starts: time
    ends: time
    days: tuple[int, ...]
    zone: str
    then: Then = "hold"
    always: Severity | None = None


@dataclass(frozen=True)
class DigestTime:
    """When everything is told in one message: at a time of day, every day or on one weekday."""

    at: time
    zone: str
    weekday: int | None = None
    always: Severity | None = None


@dataclass(frozen=True)
class Escalation:
    """Which route is next when nobody has acknowledged within so many hours."""

    after_hours: float
    to: str
