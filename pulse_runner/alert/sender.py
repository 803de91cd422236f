"""Send what the outbox holds, so that a crash at any point loses nothing and repeats nothing that it need not.

Every change is committed before the next step. A planned row with attempts is sent again only where the
channel knows a repeat by its key (Resend, n8n, the console). Elsewhere (Slack, Teams, SMTP) it is given up
as possibly delivered: twice is worse than a reminder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pulse_runner.alert.channels.base import Channel, Edge, Env, Outgoing, UncertainError
from pulse_runner.alert.delivery import Delivery, naive, save
from pulse_runner.errors import ChannelError
from pulse_runner.segments.strict import ChannelSettings
from pulse_runner.warehouse.base import Warehouse

TRIES_PER_RUN = 3
MAX_ATTEMPTS = 9
MAX_AGE = timedelta(days=3)
FIRST_WAIT = 1.0  # seconds; doubles at each try
LONGEST_WAIT = 30.0  # a channel that asks for more is left to the next run
PAUSE = 1.1  # seconds between two messages to one channel: Slack takes one a second


@dataclass(frozen=True)
class Sender:
    """What delivering needs: the store, the secrets, the world, and a way to wait."""

    warehouse: Warehouse
    env: Env
    edge: Edge
    sleep: Callable[[float], None] = time.sleep

    def deliver(self, message: Sequence[Delivery], channel: Channel[Any], settings: ChannelSettings) -> list[Delivery]:
        """Send the message that the deliveries share (same idempotency key) and return them as stored."""
        first, before = message[0], message
        now = self._now()
        if first.status == "planned" and first.attempts > 0 and not channel.is_idempotent(self.env):
            reason = (
                f"try {first.attempts} was interrupted; {channel.name} cannot tell a repeat, so it is not sent again"
            )
            return self.store(message, status="given_up", reason=reason, sent_at=now)
        if now - first.planned_at > MAX_AGE or first.attempts >= MAX_ATTEMPTS:
            reason = f"not delivered after {first.attempts} tries since {first.planned_at}: {first.reason}"
            return self.store(message, status="given_up", reason=reason)
        outgoing = Outgoing(first.idempotency_key, first.subject, first.body)
        for attempt in range(1, TRIES_PER_RUN + 1):
            message = self.store(message, status="planned", attempts=message[0].attempts + 1)
            try:
                remark = channel.send(outgoing, settings, self.env, self.edge)
            except UncertainError as error:
                return self.store(message, status="given_up", reason=str(error), sent_at=self._now())
            except ChannelError as error:
                wait = error.retry_after if error.retry_after is not None else FIRST_WAIT * 2 ** (attempt - 1)
                if not error.retryable:
                    return self.store(message, status="given_up", reason=str(error))
                if attempt == TRIES_PER_RUN or wait > LONGEST_WAIT:
                    asked = f" (it asks to wait {wait:.0f} s)" if wait > LONGEST_WAIT else ""
                    return self.store(message, status="failed", reason=f"{error}{asked}")
            else:
                told = [replace(after, reason=_how(d, after, remark)) for d, after in zip(before, message, strict=True)]
                return self.store(told, status="sent", sent_at=self._now())
            self.sleep(wait)
        raise AssertionError("unreachable: the last try returns")

    def store(self, message: Sequence[Delivery], **changes: Any) -> list[Delivery]:
        """Write the changed deliveries and return them."""
        after = [replace(delivery, **changes) for delivery in message]
        save(self.warehouse, after)
        return after

    def _now(self) -> datetime:
        return naive(self.edge.now())


def _how(before: Delivery, after: Delivery, remark: str) -> str:
    """Return why the message was sent, or at which try when earlier ones failed, with the channel's remark."""
    reason = before.reason if after.attempts == 1 else f"delivered at try {after.attempts}"
    return f"{reason}; {remark}" if remark else reason
