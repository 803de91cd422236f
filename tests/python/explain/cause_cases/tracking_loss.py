"""One bucket without events is named; all of them falling together is demand."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def orders(world: World, ios: int, android: int) -> Incident:
    """Halve the conversion of vip, with so many orders by device where there were 40 and 41 before."""
    world.run(
        "update pulse_segment_snapshots set converted = 25, conversion_rate = 0.025 where segment_id = 'vip' and snapshot_date = ?",
        D,
    )
    world.run(
        "create table dim (customer_id integer, snapshot_date date, device varchar, country varchar, last_order_at timestamp)"
    )
    for weeks in range(5):
        day = D - timedelta(days=7 * weeks)
        for device, number in (("ios", 40 if weeks else ios), ("android", 41 if weeks else android)):
            for n in range(number):
                world.insert("dim", customer_id=n, snapshot_date=day, device=device, country="DE", last_order_at=day)
    return world.incident(detector="conversion_anomaly", metric="conversion_rate")


def conversion_on_one_device(world: World) -> Incident:
    return orders(world, ios=0, android=41)


def less_demand(world: World) -> Incident:
    return orders(world, ios=15, android=16)


FOUND = (
    Found(
        conversion_on_one_device,
        "tracking_loss",
        "high",
        "Conversion rate 50 % lower since 14 May: events are lost for 'ios' of device.",
    ),
)
QUIET = (less_demand,)
