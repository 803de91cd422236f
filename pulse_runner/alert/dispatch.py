"""Bring messages on their way: a lane per service, so that a dead or slow one delays no other.

A service that does not take a message opens its circuit: what is left for it in the run is not tried, and says so. The
next run tries one message once; when the service takes it, the others follow.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.base import Channel, Edge, Env, Setup
from pulse_runner.alert.delivery import Delivery, DeliveryStatus, by_message, claim, naive, receipts_of, save
from pulse_runner.alert.lanes import DEADLINE_SECONDS, Lane, TakenError, run_lanes
from pulse_runner.alert.routing import Address, distinct
from pulse_runner.alert.sender import PAUSE, TRIES_PER_RUN, Sender
from pulse_runner.incidents.incident import Incident
from pulse_runner.segments.model import Project
from pulse_runner.segments.strict import ChannelSettings
from pulse_runner.vocabulary import ACTIVE
from pulse_runner.warehouse.base import Warehouse

CIRCUIT = "circuit open, not tried"


@dataclass(frozen=True)
class _Job:
    """A message with the way that it goes."""

    message: list[Delivery]
    channel: Channel[Any]
    settings: ChannelSettings

    def is_safe(self, env: Env) -> bool:
        """Say whether it may be sent again without a mark."""
        return self.channel.is_idempotent(env)


@dataclass(frozen=True)
class Dispatch:
    """Sends frozen messages and keeps their rows up to date."""

    warehouse: Warehouse
    project: Project
    env: Env
    edge: Edge
    sleep: Callable[[float], None] = time.sleep
    deadline: float = DEADLINE_SECONDS

    def send(self, ready: Sequence[Delivery], incidents: Mapping[str, Incident]) -> list[Delivery]:
        """Send what is ready and return all of it as stored, in the same order."""
        now = {d.delivery_id: d for d in ready}
        lanes: dict[str, list[_Job]] = {}
        for message in by_message(ready):
            address = address_of(message[0], self.project)
            message = [self._interrupted(d) for d in message]
            why = self._hindrance(message, address, incidents)
            if why is None:
                assert address is not None
                job = _Job(message, CHANNELS[address.channel], address.settings)
                lanes.setdefault(address.settings.service, []).append(job)
            else:
                save(self.warehouse, why)
                now |= {d.delivery_id: d for d in why}

        def write(name: str, rows: Sequence[Delivery]) -> None:
            if rows[0].status == "planned":  # a try begins: only if no other run has begun one
                if not claim(self.warehouse, rows, now):
                    raise TakenError
            else:
                save(self.warehouse, rows)
            now.update({d.delivery_id: d for d in rows})

        receipts = receipts_of(self.warehouse, (job.message[0] for jobs in lanes.values() for job in jobs))
        late = run_lanes({n: self._lane(jobs, receipts) for n, jobs in lanes.items()}, write, self.deadline)
        for name in late:
            for job in lanes[name]:
                write(name, self._late([now[d.delivery_id] for d in job.message], job))
        return list(now.values())

    def _interrupted(self, delivery: Delivery) -> Delivery:
        """Return a delivery whose last try has no known end as one that may have arrived, where a repeat does harm."""
        cut = delivery.status == "planned" and delivery.attempts > 0
        if cut and not CHANNELS[delivery.channel].is_idempotent(self.env):
            return replace(delivery, sent_at=delivery.sent_at or delivery.planned_at)
        return delivery

    def _hindrance(
        self, message: list[Delivery], address: Address | None, incidents: Mapping[str, Incident]
    ) -> list[Delivery] | None:
        """Return the deliveries of a message that cannot go out now, with the reason; None when it can."""
        first = message[0]
        if address is None:
            reason = f"route {first.route} has no such {first.channel} target any more"
            return [_with(d, "given_up", reason) for d in message]
        setup = CHANNELS[first.channel].setup(address.settings, self.env)
        if not setup.is_ready:
            return [_with(d, "failed", not_ready(first.channel, setup)) for d in message]
        if all(_is_late(d, incidents) for d in message):
            return [_with(d, "skipped", "it was over before the message could be sent") for d in message]
        return None

    def _lane(self, jobs: Sequence[_Job], receipts: Mapping[str, str]) -> Callable[[Lane[Delivery]], None]:
        """Return the work on the messages of one service: one after the other, until it does not take one."""

        def work(lane: Lane[Delivery]) -> None:
            sender = Sender(lane.commit, self.env, self.edge, self.sleep, lane.left, receipts)
            was_open, down = any(d.status == "failed" for job in jobs for d in job.message), ""
            for number, job in enumerate(jobs):
                if number and not down:
                    self.sleep(PAUSE)
                if down or lane.left() <= 0:
                    why = f"{CIRCUIT}: {down}" if down else "no time was left in this run"
                    sender.store(job.message, status="failed", reason=why)
                    continue
                try:
                    done = sender.deliver(job.message, job.channel, job.settings, 1 if was_open else TRIES_PER_RUN)
                except TakenError:
                    continue  # another run is at it
                if done[0].status == "failed":
                    down = done[0].reason
                was_open = was_open and done[0].status != "sent"

        return work

    def _late(self, message: list[Delivery], job: _Job) -> list[Delivery]:
        """Return a message of a lane that was not done in time: what was on its way may have arrived."""
        if message[0].status != "planned":
            return message
        if message[0].attempts == job.message[0].attempts:
            return [_with(d, "failed", f"{CIRCUIT}: no answer within {self.deadline:.0f} s") for d in message]
        at = None if job.is_safe(self.env) else naive(self.edge.now())
        reason = f"{job.channel.name} did not answer within {self.deadline:.0f} s; it may have arrived"
        return [_with(d, "failed", reason, sent_at=at) for d in message]


def waiting_by_target(pending: Sequence[Delivery], project: Project) -> dict[ChannelSettings, int]:
    """Count the messages of earlier runs that are still to be sent, by target."""
    found = (address_of(message[0], project) for message in by_message(pending))
    return dict(Counter(address.settings for address in found if address))


def address_of(delivery: Delivery, project: Project) -> Address | None:
    """Return where a delivery goes; None when its route has no such target any more."""
    route = project.routes.get(delivery.route)
    found = distinct(project, [route.name]) if route else []
    return next((a for a in found if a.key == delivery.address), None)


def not_ready(channel: str, setup: Setup) -> str:
    """Say why a target cannot be used.

    >>> not_ready("slack", Setup(missing=("PULSE_SLACK_WEBHOOK",)))
    'slack is not set up: PULSE_SLACK_WEBHOOK is not set'
    """
    if setup.missing:
        names = ", ".join(setup.missing)
        return f"{channel} is not set up: {names} {'are' if len(setup.missing) > 1 else 'is'} not set"
    return f"{channel} is not set up: {setup.problem}"


def _with(delivery: Delivery, status: DeliveryStatus, reason: str, **changes: Any) -> Delivery:
    return replace(delivery, status=status, reason=reason, **changes)


def _is_late(delivery: Delivery, incidents: Mapping[str, Incident]) -> bool:
    """Say whether a message that waited since an earlier run speaks of an incident that is over."""
    incident = incidents.get(delivery.incident_id)
    over = incident is not None and incident.status not in ACTIVE
    return over and delivery.notification != "resolved"
