"""Which messages a shop sent, by its own table and by what its channels got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from shop import Shop

from tests.python.alert.servers import Web

KNOWS_KEYS = ("n8n",)  # a repeat carries the key of the first, so the receiver drops it
MARK = "possible repeat"


@dataclass
class Arrivals:
    """The rows of `pulse_alert_deliveries`, and how often each body came in at each channel."""

    rows: list[dict[str, Any]]
    came: Counter[tuple[str, str]]

    @classmethod
    def of(cls, shop: Shop, web: Web, without: Set[str] = frozenset()) -> Arrivals:
        """Read the table of a shop, without some incidents, and what its channels got."""
        warehouse = shop.open()
        try:
            rows = warehouse.query(f"select * from {warehouse.table('pulse_alert_deliveries')}")
        finally:
            warehouse.close()
        rows = [row for row in rows if row["incident_id"] not in without]
        return cls(rows, Counter((got.path.strip("/"), got.body) for got in web.got))

    @property
    def told(self) -> set[tuple[str, str, str, str]]:
        """Return what went out or may have: incident, notification, channel, route."""
        return {
            (r["incident_id"], r["notification"], r["channel"], r["route"])
            for r in self.rows
            if r["sent_at"] is not None
        }


def lost_or_doubled(calm: Arrivals, rough: Arrivals) -> list[str]:
    """Return what the disturbed shop did not tell, told beyond the calm one, or told twice without saying so."""
    wrong = [f"Not told: {' '.join(what)}" for what in sorted(calm.told - rough.told)]
    wrong += [f"Told beside the undisturbed: {' '.join(what)}" for what in sorted(rough.told - calm.told)]
    for (channel, body), times in rough.came.items():
        if times > 1 and channel not in KNOWS_KEYS and MARK not in body.lower():
            wrong.append(f"Came {times} times at {channel}: {body[:300]}")
    sent = {(r["channel"], r["body"]) for r in rough.rows if r["status"] == "sent" and r["body"]}
    wrong += [f"Stored as sent, never came: {channel} {body[:200]}" for channel, body in sorted(sent - set(rough.came))]
    return wrong
