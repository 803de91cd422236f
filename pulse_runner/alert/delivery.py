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

from collections.abc import Iterable, Mapping, Sequence
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
    """One row of `pulse_alert_deliveries`. Times are UTC without a zone; `target` holds no secret and no recipient."""

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
    if not incident_ids:
        return {}
    marks = ", ".join("?" for _ in incident_ids)
    rows = warehouse.query(
        f"select * from {warehouse.table(TABLE)} where incident_id in ({marks})"
        " order by planned_at, idempotency_key, delivery_id",
        list(incident_ids),
    )
    out: dict[str, list[Delivery]] = {}
    for row in rows:
        out.setdefault(row["incident_id"], []).append(delivery_of(row))
    return out


def whole_messages(warehouse: Warehouse, deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Return the deliveries with the others of their messages: a message is sent for all of its incidents or for none."""
    keys = list(dict.fromkeys(d.idempotency_key for d in deliveries))
    if not keys:
        return []
    marks = ", ".join("?" for _ in keys)
    rows = warehouse.query(
        f"select * from {warehouse.table(TABLE)} where idempotency_key in ({marks})"
        " order by planned_at, idempotency_key, delivery_id",
        keys,
    )
    return [delivery for row in rows if (delivery := delivery_of(row)).status in UNDER_WAY]


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """Return a row of the table as a Delivery."""
    return Delivery(**{f.name: row[f.name] for f in fields(Delivery)})


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


def naive(at: datetime) -> datetime:
    """Return a UTC time as the warehouse keeps it: without zone and fractions."""
    return at.replace(tzinfo=None, microsecond=0)
