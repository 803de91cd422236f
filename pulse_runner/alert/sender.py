"""Send a message that the outbox holds, so that a crash at any point loses nothing and repeats nothing that it need not.

Every change is committed before the next step. Where a try ended without an answer, nobody can say whether the message
arrived. A channel that knows a repeat by its key (Resend, n8n, the console) gets the same bytes again. Elsewhere (Slack,
Teams, SMTP, apprise) the next try is marked as a possible repeat: silence is worse than twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pulse_runner.alert.channels.base import Channel, Edge, Env, Outgoing, UncertainError
from pulse_runner.alert.delivery import Delivery, naive, thread_of
from pulse_runner.errors import ChannelError
from pulse_runner.segments.strict import ChannelSettings

TRIES_PER_RUN = 3
UNANSWERED_TRIES = 2  # in a run: each of them may be a copy
MAX_ATTEMPTS = 9
MAX_AGE = timedelta(days=3)
FIRST_WAIT = 1.0  # seconds; doubles at each try
LONGEST_WAIT = 30.0  # a channel that asks for more is left to the next run
PAUSE = 1.1  # seconds between two messages to one service: Slack takes one a second


@dataclass(frozen=True)
class Sender:
    """What delivering needs: a way to commit, the secrets, the world, a way to wait, and how many seconds are left."""

    commit: Callable[[Sequence[Delivery]], None]
    env: Env
    edge: Edge
    sleep: Callable[[float], None] = time.sleep
    left: Callable[[], float] = lambda: float("inf")
    receipts: Mapping[str, str] = field(default_factory=dict)  # of first messages, by key

    def deliver(
        self, message: Sequence[Delivery], channel: Channel[Any], settings: ChannelSettings, tries: int = TRIES_PER_RUN
    ) -> list[Delivery]:
        """Send the message that the deliveries share (same idempotency key) and return them as stored."""
        first, before = message[0], message
        is_safe = channel.is_idempotent(self.env)
        is_old = self._now() - first.planned_at > MAX_AGE
        if (first.attempts and is_old) or first.attempts >= MAX_ATTEMPTS:  # what was never tried is not too old to try
            reason = f"not delivered after {first.attempts} tries since {first.planned_at}: {first.reason}"
            return self.store(message, status="given_up", reason=reason)
        for attempt in range(1, tries + 1):
            message = self.store(message, status="planned", attempts=message[0].attempts + 1)
            body = channel.repeated(first.body) if message[0].sent_at and not is_safe else first.body
            try:
                thread = self.receipts.get(thread_of(first.body), "")
                sent = channel.send(
                    Outgoing(first.idempotency_key, first.subject, body, thread), settings, self.env, self.edge
                )
            except ChannelError as error:
                if isinstance(error, UncertainError):
                    message = [replace(d, sent_at=self._now()) for d in message]
                if not error.retryable:
                    return self.store(message, status="given_up", reason=str(error))
                wait = error.retry_after if error.retry_after is not None else FIRST_WAIT * 2 ** (attempt - 1)
                last = UNANSWERED_TRIES if isinstance(error, UncertainError) else tries
                if attempt >= min(last, tries) or wait > min(LONGEST_WAIT, self.left()):
                    asked = f" (it asks to wait {wait:.0f} s)" if wait > LONGEST_WAIT else ""
                    return self.store(message, status="failed", reason=f"{error}{asked}")
            else:
                told = [
                    replace(after, reason=_how(d, after, sent.remark)) for d, after in zip(before, message, strict=True)
                ]
                return self.store(told, status="sent", sent_at=self._now(), receipt=sent.receipt)
            self.sleep(wait)
        raise AssertionError("unreachable: the last try returns")

    def store(self, message: Sequence[Delivery], **changes: Any) -> list[Delivery]:
        """Write the changed deliveries and return them."""
        after = [replace(delivery, **changes) for delivery in message]
        self.commit(after)
        return after

    def _now(self) -> datetime:
        return naive(self.edge.now())


def _how(before: Delivery, after: Delivery, remark: str) -> str:
    """Return why the message was sent, or at which try when earlier ones failed, with the channel's remark."""
    reason = before.reason if after.attempts == 1 else f"delivered at try {after.attempts}"
    if after.sent_at is not None:
        reason += ", marked as a possible repeat"
    return f"{reason}; {remark}" if remark else reason
