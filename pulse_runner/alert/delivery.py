"""Send what the outbox holds, so that a crash at any point loses nothing and repeats nothing that it need not.

    planned, attempts 0   decided and rendered, not tried
    planned, attempts n   try n began and its end is not known: the process died in between
    failed                try n failed in a way that may pass; the next run tries again
    sent                  the channel took it (`sent_at`)
    given_up              it will not be tried again; with `sent_at` when it may have arrived all the same
    skipped               it was due and was withheld, with the reason

Every change is committed before the next step. A planned row with attempts is sent again only where the channel knows a repeat by
its key (Resend, n8n, the console); elsewhere (Slack, Teams, SMTP) it is given up as possibly delivered: twice is worse than a reminder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pulse_runner.alert.channels.base import Channel, Edge, Env, Outgoing, Settings, UncertainError
from pulse_runner.errors import ChannelError
from pulse_runner.warehouse.base import Warehouse

TRIES_PER_RUN = 3
MAX_ATTEMPTS = 9
MAX_AGE = timedelta(days=3)
FIRST_WAIT = 1.0  # seconds; doubles at each try
LONGEST_WAIT = 30.0  # a channel that asks for more is left to the next run
PAUSE = 1.1  # seconds between two messages to one channel: Slack takes one a second

Row = dict[str, Any]


@dataclass(frozen=True)
class Sender:
    """What delivering needs: the store, the secrets, the world, and a way to wait."""

    warehouse: Warehouse
    env: Env
    edge: Edge
    sleep: Callable[[float], None] = time.sleep

    def deliver(self, rows: Sequence[Row], channel: Channel, settings: Settings) -> list[Row]:
        """Send the message that `rows` share (same idempotency key) and return the rows as stored."""
        first = rows[0]
        now = self._now()
        if first["status"] == "planned" and first["attempts"] > 0 and not channel.is_idempotent(self.env):
            reason = (
                f"try {first['attempts']} was interrupted; {channel.name} cannot tell a repeat, so it is not sent again"
            )
            return self.store(rows, status="given_up", reason=reason, sent_at=now)
        if now - first["planned_at"] > MAX_AGE or first["attempts"] >= MAX_ATTEMPTS:
            reason = f"not delivered after {first['attempts']} tries since {first['planned_at']}: {first['reason']}"
            return self.store(rows, status="given_up", reason=reason)
        outgoing = Outgoing(first["idempotency_key"], first["subject"], first["body"])
        for attempt in range(1, TRIES_PER_RUN + 1):
            rows = self.store(rows, status="planned", attempts=rows[0]["attempts"] + 1)
            try:
                remark = channel.send(outgoing, settings, self.env, self.edge)
            except UncertainError as error:
                return self.store(rows, status="given_up", reason=str(error), sent_at=self._now())
            except ChannelError as error:
                wait = error.retry_after if error.retry_after is not None else FIRST_WAIT * 2 ** (attempt - 1)
                if not error.retryable:
                    return self.store(rows, status="given_up", reason=str(error))
                if attempt == TRIES_PER_RUN or wait > LONGEST_WAIT:
                    asked = f" (it asks to wait {wait:.0f} s)" if wait > LONGEST_WAIT else ""
                    return self.store(rows, status="failed", reason=f"{error}{asked}")
            else:
                return self.store(rows, status="sent", reason=_how(first, rows[0], remark), sent_at=self._now())
            self.sleep(wait)
        raise AssertionError("unreachable: the last try returns")

    def store(self, rows: Sequence[Row], **changes: object) -> list[Row]:
        """Write the changed rows and return them."""
        after = [{**row, **changes} for row in rows]
        self.warehouse.replace("pulse_alert_deliveries", ["delivery_id"], after)
        return after

    def _now(self) -> datetime:
        return naive(self.edge.now())


def naive(at: datetime) -> datetime:
    """Return a UTC time as the warehouse keeps it: without zone and fractions."""
    return at.replace(tzinfo=None, microsecond=0)


def by_message(rows: Sequence[Mapping[str, Any]]) -> list[list[Row]]:
    """Put delivery rows of one message together, in the order in which they were planned."""
    messages: dict[str, list[Row]] = {}
    for row in rows:
        messages.setdefault(row["idempotency_key"], []).append(dict(row))
    return list(messages.values())


def _how(before: Mapping[str, Any], after: Mapping[str, Any], remark: str) -> str:
    """Return why the message was sent, or at which try when earlier ones failed, with the channel's remark."""
    reason = str(before["reason"]) if after["attempts"] == 1 else f"delivered at try {after['attempts']}"
    return f"{reason}; {remark}" if remark else reason
