"""What has not reached its target although it is due: said until it arrives or until there is nothing to tell any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pulse_runner.alert.delivery import TABLE, UNDER_WAY, Delivery, delivery_of
from pulse_runner.alert.dispatch import address_of
from pulse_runner.alert.routing import Address
from pulse_runner.alert.topics import CLOSED_DAYS
from pulse_runner.errors import UndeliveredError
from pulse_runner.segments.model import Project
from pulse_runner.vocabulary import ACTIVE, long_day, plural
from pulse_runner.warehouse.base import Warehouse

STUCK = (*UNDER_WAY, "given_up")


@dataclass(frozen=True)
class Gap:
    """One target with the deliveries that it lacks, the oldest first."""

    address: Address
    deliveries: tuple[Delivery, ...]

    @property
    def messages(self) -> int:
        """Return how many messages it lacks."""
        return len({d.idempotency_key for d in self.deliveries})

    @property
    def since(self) -> date:
        """Return the date of the oldest."""
        return self.deliveries[0].snapshot_date

    @property
    def place(self) -> str:
        """Return channel, route and target."""
        name = self.address.name
        return f"{self.address.channel} via {self.address.route}{f' ({name})' if name else ''}"

    @property
    def reason(self) -> str:
        """Return why the last try failed."""
        tried = [d for d in self.deliveries if d.attempts] or list(self.deliveries)
        return max(tried, key=lambda d: (d.planned_at, d.attempts)).reason or "it was not tried yet"

    def fits(self, channel: str | None, incident_id: str | None) -> bool:
        """Say whether it concerns a channel and an incident; None concerns all."""
        return channel in (None, self.address.channel) and (
            incident_id is None or any(d.incident_id == incident_id for d in self.deliveries)
        )

    def sentence(self) -> str:
        """Return it in one line."""
        return f"{self.place}: {plural(self.messages, 'message')} since {long_day(self.since)}; {self.reason}"


def undelivered_error(gaps: Sequence[Gap]) -> UndeliveredError:
    """Return the error that ends a command when alerts have not arrived."""
    lines = "".join(f"\n  {gap.sentence()}" for gap in gaps)
    return UndeliveredError(
        f"{plural(sum(g.messages for g in gaps), 'message')} could not be delivered:{lines}",
        "The next run tries again. `pulse doctor` lists what is missing; `pulse alert --retry` tries now.",
    )


def undelivered(warehouse: Warehouse, project: Project, day: date) -> list[Gap]:
    """Return what is due on `day` and has not arrived, by target.

    It is the last word of each incident at each target of the project. An incident that is over is of no interest, save
    that its end is to be told; one that ended CLOSED_DAYS ago is forgotten.
    """
    deliveries, incidents = warehouse.table(TABLE), warehouse.table("pulse_incidents")
    marks = ", ".join(f"'{s}'" for s in STUCK)
    rows = warehouse.query(
        f"select d.*, i.status as incident_status from {deliveries} as d"
        f" join {incidents} as i on i.incident_id = d.incident_id"
        f" where d.status <> 'skipped' and (i.resolved_on is null or i.resolved_on >= ?) and d.incident_id in"
        f" (select s.incident_id from {deliveries} as s where s.status in ({marks}))"
        " order by d.planned_at, case when d.status = 'sent' then 1 else 0 end, d.idempotency_key, d.delivery_id",
        [day - timedelta(days=CLOSED_DAYS)],
    )
    last: dict[tuple[str, ...], tuple[Delivery, str]] = {}
    for row in rows:
        delivery = delivery_of(row)
        last[(delivery.incident_id, *delivery.address)] = (delivery, row["incident_status"])
    stuck = [
        d for d, status in last.values() if d.status in STUCK and (status in ACTIVE or d.notification == "resolved")
    ]
    return list(_by_target(stuck, project))


def _by_target(stuck: Iterable[Delivery], project: Project) -> Iterable[Gap]:
    found: dict[Address, list[Delivery]] = {}
    for delivery in stuck:
        address = address_of(delivery, project)
        if address is not None:
            found.setdefault(address, []).append(delivery)
    for address, deliveries in found.items():
        yield Gap(address, tuple(sorted(deliveries, key=lambda d: (d.snapshot_date, d.planned_at))))
