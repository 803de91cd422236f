"""One bucket without events is named; all of them falling together is demand."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident


def orders(world: World, ios: int, android: int, seen: int = 40) -> Incident:
    """Halve the conversion of vip, with so many orders by device where there were 40 and 41 before.

    `seen` keys came on ios that day without an order; on each day before, those with an order did.
    """
    world.run(
        "update pulse_segment_snapshots set converted = 25, conversion_rate = 0.025 where segment_id = 'vip' and snapshot_date = ?",
        D,
    )
    world.run(
        "create table dim (customer_id integer, snapshot_date date, device varchar, country varchar, last_order_at timestamp,"
        " last_active_at timestamp)"
    )
    for weeks in range(5):
        day = D - timedelta(days=7 * weeks)
        for device, number in (("ios", 40 if weeks else ios), ("android", 41 if weeks else android)):
            for n in range(number):
                world.insert(
                    "dim",
                    customer_id=n,
                    snapshot_date=day,
                    device=device,
                    country="DE",
                    last_order_at=day,
                    last_active_at=day,
                )
    for n in range(seen):
        world.insert("dim", customer_id=n, snapshot_date=D, device="ios", country="DE", last_active_at=D)
    return world.incident(detector="conversion_anomaly", metric="conversion_rate")


def conversion_on_one_device(world: World) -> Incident:
    return orders(world, ios=0, android=41)


def less_demand(world: World) -> Incident:
    return orders(world, ios=15, android=16)


def nobody_on_one_device(world: World) -> Incident:
    """Neither orders nor visits on ios: people may have left it, or all of its tracking broke."""
    return orders(world, ios=0, android=41, seen=0)


def fewer_orders_on_one_device(world: World) -> Incident:
    """A third of the orders on ios: people or tracking."""
    return orders(world, ios=14, android=41)


FOUND = (
    Found(
        nobody_on_one_device,
        "behaviour_or_tracking",
        "low",
        "Conversion rate 50 % lower since 14 May: 'ios' of device has fewer events: behaviour or tracking.",
    ),
    Found(
        fewer_orders_on_one_device,
        "behaviour_or_tracking",
        "low",
        "Conversion rate 50 % lower since 14 May: 'ios' of device has fewer events: behaviour or tracking.",
    ),
    Found(
        conversion_on_one_device,
        "tracking_loss",
        "high",
        "Conversion rate 50 % lower since 14 May: events are lost for 'ios' of device.",
    ),
)
QUIET = (less_demand,)
