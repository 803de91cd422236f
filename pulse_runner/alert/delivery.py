"""Deliveries: one incident in one message to one address, and the one place that reads and writes their table.

planned, attempts 0   decided and rendered, not tried
planned, attempts n   try n began and its end is not known: the process died in between
failed                try n failed in a way that may pass, or nobody can say whether it arrived (with `sent_at`);
                      the next run tries again
sent                  the channel took it (`sent_at`)
given_up              it will not be tried again; with `sent_at` when it may have arrived all the same
skipped               it was due and was withheld, with the reason
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

from pulse_runner.alert.message import Notification
from pulse_runner.warehouse.base import Warehouse

TABLE = "pulse_alert_deliveries"
DIGEST = "named in a digest"  # how the reason of such a delivery ends
DeliveryStatus = Literal["planned", "failed", "sent", "given_up", "skipped"]
UNDER_WAY: tuple[DeliveryStatus, ...] = ("planned", "failed")


@dataclass(frozen=True)
class Delivery:
    """One row of `pulse_alert_deliveries`. Times are UTC without a zone; `target` holds no secret and no recipient.

    `receipt` is what a channel named the message that it took, so that later ones can refer to it.
    """

    delivery_id: str
    incident_id: str
    notification: Notification | Literal["weekly"]
    route: str
    channel: str
    target: str
    status: DeliveryStatus
    attempts: int
    reason: str
    subject: str
    body: str
    idempotency_key: str
    snapshot_date: date
    planned_at: datetime
    sent_at: datetime | None = None
    receipt: str = ""

    @property
    def address(self) -> tuple[str, str, str]:
        """Return the key of the address that it goes to."""
        return (self.route, self.channel, self.target)

    @property
    def was_told(self) -> bool:
        """Say whether the channel took the message; one that only may have arrived was not told."""
        return self.status == "sent"

    @property
    def may_have_arrived(self) -> bool:
        """Say whether the message went out and nobody can say whether it arrived."""
        return self.sent_at is not None and self.status != "sent"


def deliveries_of(warehouse: Warehouse, incident_ids: Sequence[str]) -> dict[str, list[Delivery]]:
    """Return every delivery of the incidents, by incident, in the order in which they were planned."""
    out: dict[str, list[Delivery]] = {}
    for delivery in _those(warehouse, "incident_id", incident_ids):
        out.setdefault(delivery.incident_id, []).append(delivery)
    return out


def whole_messages(warehouse: Warehouse, deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Return the deliveries with the others of their messages: a message is sent for all of its incidents or for none."""
    keys = list(dict.fromkeys(d.idempotency_key for d in deliveries))
    return [d for d in _those(warehouse, "idempotency_key", keys) if d.status in UNDER_WAY]


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """Return a row of the table as a Delivery."""
    # `receipt` was added later: the next build adds the column to a table of before
    values: dict[str, Any] = {f.name: row[f.name] for f in fields(Delivery) if f.name != "receipt"}
    return Delivery(**values, receipt=row.get("receipt") or "")


def receipts_of(warehouse: Warehouse, messages: Iterable[Delivery]) -> dict[str, str]:
    """Return the receipt of the first message of each conversation that the messages belong to, by its key."""
    wanted = sorted({key for message in messages if (key := thread_of(message.body))})
    return {d.idempotency_key: d.receipt for d in _those(warehouse, "idempotency_key", wanted) if d.receipt}


def deliveries_by_key(warehouse: Warehouse, keys: Sequence[str]) -> dict[str, Delivery]:
    """Return the deliveries that have these idempotency keys; of several with one key the last that was planned."""
    return {d.idempotency_key: d for d in _those(warehouse, "idempotency_key", keys)}


def _those(warehouse: Warehouse, column: str, values: Sequence[str]) -> list[Delivery]:
    """Return the deliveries whose column has one of these values, in the order in which they were planned."""
    if not values:
        return []
    marks, order = ", ".join("?" for _ in values), "planned_at, idempotency_key, delivery_id"
    sql = f"select * from {warehouse.table(TABLE)} where {column} in ({marks}) order by {order}"
    return [delivery_of(row) for row in warehouse.query(sql, list(values))]


def thread_of(body: str) -> str:
    """Return the key of the conversation that a frozen body names; '' where it names none.

    >>> thread_of('{"thread": "pulse-1a"}'), thread_of("HIGH  VIPs fell 40 %")
    ('pulse-1a', '')
    """
    with suppress(ValueError):
        parts = json.loads(body)
        return str(parts.get("thread", "")) if isinstance(parts, dict) else ""
    return ""


def save(warehouse: Warehouse, deliveries: Sequence[Delivery]) -> None:
    """Write deliveries, all or nothing; the same call twice changes nothing."""
    with warehouse.transaction():
        warehouse.replace(TABLE, ["delivery_id"], [asdict(d) for d in deliveries])


def by_message(deliveries: Iterable[Delivery]) -> list[list[Delivery]]:
    """Put the deliveries of one message together, in the order in which they were planned; the first has the body."""
    messages: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        messages.setdefault(delivery.idempotency_key, []).append(delivery)
    return [sorted(m, key=lambda d: not d.body) for m in messages.values()]


def claim(warehouse: Warehouse, deliveries: Sequence[Delivery], before: Mapping[str, Delivery]) -> list[Delivery]:
    """Write the messages that are in the table as they were `before`, and return their deliveries.

    Another run may have planned or begun one of them meanwhile. Then it is left to that run: nothing of the message is written.
    """
    if not deliveries:
        return []
    ids = [d.delivery_id for d in deliveries]
    with warehouse.transaction():
        warehouse.turn(TABLE)
        now = {d.delivery_id: d for d in _those(warehouse, "delivery_id", ids)}
        free = [m for m in by_message(deliveries) if all(_state(now, d) == _state(before, d) for d in m)]
        claimed = [d for message in free for d in message]
        warehouse.replace(TABLE, ["delivery_id"], [asdict(d) for d in claimed])
    return claimed


def _state(rows: Mapping[str, Delivery], delivery: Delivery) -> tuple[str, int] | None:
    found = rows.get(delivery.delivery_id)
    return (found.status, found.attempts) if found else None


def naive(at: datetime) -> datetime:
    """Return a UTC time as the warehouse keeps it: without zone and fractions."""
    return at.replace(tzinfo=None, microsecond=0)
