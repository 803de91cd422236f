"""What decisions look at beside incidents and their deliveries: the clock, causes, silences, and what targets got lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pulse_runner.alert.delivery import DIGEST, TABLE, naive
from pulse_runner.alert.silences import Silence, read_silences
from pulse_runner.errors import NotBuiltError
from pulse_runner.explain.store import causes_of
from pulse_runner.segments.model import Project
from pulse_runner.segments.strict import ChannelSettings
from pulse_runner.warehouse.base import Warehouse

HOUR = timedelta(hours=1)
DIGEST_DAYS = 8  # a weekly digest, and a day more


@dataclass(frozen=True)
class Situation:
    """The moment of a decision (`now`, UTC without a zone).

    `causes` has, by incident, what each version of its explanation believed in most, with when it was made, the oldest first.
    `sent` is how many messages a target got in the last hour, `digests` when the last digest went to it. `ran` is when alerts were
    told before this, None where it is not known.
    """

    now: datetime
    causes: Mapping[str, Sequence[tuple[datetime, str]]] = field(default_factory=dict)
    silences: Sequence[Silence] = ()
    sent: Mapping[ChannelSettings, int] = field(default_factory=dict)
    digests: Mapping[ChannelSettings, datetime] = field(default_factory=dict)
    ran: datetime | None = None

    def cause(self, incident_id: str) -> str:
        """Return the cause that is believed in now; '' where there is no explanation."""
        versions = self.causes.get(incident_id, ())
        return versions[-1][1] if versions else ""

    def found_cause(self, incident_id: str, since: datetime) -> str:
        """Return the cause that is known now and was not at a time; '' where nothing was found."""
        versions = self.causes.get(incident_id, ())
        before = next((cause for at, cause in reversed(versions) if at <= since), "")
        return self.cause(incident_id) if is_known(self.cause(incident_id)) and not is_known(before) else ""


def is_known(cause: str) -> bool:
    """Say whether an explanation names a cause."""
    return cause not in ("", "unknown")


def read_situation(warehouse: Warehouse, project: Project, incident_ids: Sequence[str], now: datetime) -> Situation:
    """Return what the tables say."""
    at = naive(now)
    targets = {(c.channel, c.address): c for r in project.routes.values() for c in r.channels}
    rows = warehouse.query(
        f"select channel, target, idempotency_key, max(sent_at) as sent_at, max(reason) as reason"
        f" from {warehouse.table(TABLE)} where status = 'sent' and sent_at >= ?"
        " group by channel, target, idempotency_key",
        [at - timedelta(days=DIGEST_DAYS)],
    )
    sent, digests = dict[ChannelSettings, int](), dict[ChannelSettings, datetime]()
    for row in rows:
        settings = targets.get((row["channel"], row["target"]))
        if settings is None:
            continue
        if row["sent_at"] > at - HOUR:
            sent[settings] = sent.get(settings, 0) + 1
        if DIGEST in row["reason"]:
            digests[settings] = max(digests.get(settings, row["sent_at"]), row["sent_at"])
    silences = list[Silence]()
    with suppress(NotBuiltError):  # a project whose package is older has no such table, and no silence
        silences = read_silences(warehouse)
    return Situation(at, causes_of(warehouse, incident_ids), silences, sent, digests, _ran(warehouse, at))


def _ran(warehouse: Warehouse, at: datetime) -> datetime | None:
    """Return when alerts were told last before a time; None where no run is known."""
    with suppress(NotBuiltError):
        found: datetime | None = warehouse.query(
            f"select max(started_at) as ran from {warehouse.table('pulse_runs')}"
            " where stage = 'alert' and outcome = 'ok' and started_at < ?",
            [at],
        )[0]["ran"]
        return found
    return None
