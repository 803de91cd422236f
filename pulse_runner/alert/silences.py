"""Silences: nobody is told of what they match until they end. The one place that reads and writes `pulse_silences`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from hashlib import sha256

from pulse_runner.errors import UsageError
from pulse_runner.segments.routing import Match, Traits
from pulse_runner.warehouse.base import Warehouse

TABLE = "pulse_silences"


@dataclass(frozen=True)
class Silence:
    """One row of the table. Times are UTC without a zone; `ended_at` is set where a person ended it before `ends_at`."""

    silence_id: str
    scope: Match
    reason: str
    created_by: str
    created_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    ended_by: str = ""

    def is_live(self, now: datetime) -> bool:
        """Say whether it holds at a time."""
        return self.created_at <= now < (self.ended_at or self.ends_at)

    def sentence(self) -> str:
        """Return why nobody is told."""
        return f"silenced until {self.ends_at:%Y-%m-%d %H:%M} UTC by {self.created_by}: {self.reason}"


def new_silence(scope: Match, reason: str, by: str, now: datetime, ends_at: datetime) -> Silence:
    """Return a silence; the same one asked for twice within a second is one. UsageError where it is of no use."""
    if scope == Match():
        raise UsageError(
            "A silence needs something to match.", "Give --segment, --owner or another; '*' is everything."
        )
    if ends_at <= now:
        raise UsageError(f"{ends_at:%Y-%m-%d %H:%M} UTC has passed.", "Give an end that lies ahead.")
    text = json.dumps([asdict(scope), reason, by, now.isoformat(), ends_at.isoformat()])
    return Silence(sha256(text.encode()).hexdigest()[:8], scope, reason, by, now, ends_at)


def read_silences(warehouse: Warehouse) -> list[Silence]:
    """Return all silences, the newest first; raise NotBuiltError where the table is not there yet."""
    rows = warehouse.query(f"select * from {warehouse.table(TABLE)} order by created_at desc, silence_id")
    out = []
    for row in rows:
        values = {f.name: row[f.name] for f in fields(Silence)}
        scope = {name: tuple(words) for name, words in json.loads(row["scope"]).items()}
        out.append(Silence(**{**values, "scope": Match(**scope), "ended_by": row["ended_by"] or ""}))
    return out


def save_silence(warehouse: Warehouse, silence: Silence) -> None:
    """Write a silence; the same call twice changes nothing."""
    row = {f.name: getattr(silence, f.name) for f in fields(Silence)}
    scope = {name: list(words) for name, words in asdict(silence.scope).items() if words}
    warehouse.replace(TABLE, ["silence_id"], [row | {"scope": json.dumps(scope, sort_keys=True)}])


def expire(silences: Sequence[Silence], named: Sequence[str], by: str, now: datetime) -> list[Silence]:
    """Return the silences that are named (by the start of their ids), ended now; one that is over stays as it is."""
    out = []
    for name in named:
        found = [s for s in silences if s.silence_id.startswith(name.lower())]
        if len(found) != 1:
            what = f"fits {len(found)} silences" if found else "is no silence"
            raise UsageError(f"{name!r} {what}.", "`pulse silences list --all` shows them.")
        silence = found[0]
        out.append(replace(silence, ended_at=now, ended_by=by) if silence.is_live(now) else silence)
    return out


def silence_for(silences: Sequence[Silence], traits: Traits, now: datetime) -> Silence | None:
    """Return the live silence that an incident falls under, the one that lasts longest; None where there is none."""
    found = [s for s in silences if s.is_live(now) and not s.scope.misfit(traits)]
    return max(found, key=lambda s: s.ends_at, default=None)
