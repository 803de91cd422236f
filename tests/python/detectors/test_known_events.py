"""Known events reach every kind of panel: metrics, distributions, and the health of the relation."""

from __future__ import annotations

from datetime import date

import numpy as np

from pulse_runner.detect.panels import mute_health
from pulse_runner.detectors.base import Settings
from pulse_runner.detectors.entity_health import EntityHealth
from pulse_runner.detectors.panel import EntityPanel, Panels
from pulse_runner.known_events.event import KnownEvent, spans_of_events

DAYS = np.arange(np.datetime64("2026-01-01"), np.datetime64("2026-03-02"))
LAST = DAYS[-1]


def doubled_load() -> EntityPanel:
    """Return the rows of a relation that doubles on the last day."""
    keys = (("shop", "(rows)"),)
    rows = np.full((1, len(DAYS)), 10_000.0)
    rows[0, -1] = 20_000
    text = np.full(rows.shape, "ok", object)
    return EntityPanel(
        keys, DAYS, rows, np.zeros(rows.shape), np.zeros(rows.shape), np.full(rows.shape, "", object), text
    )


def findings(panel: EntityPanel) -> int:
    assessed = EntityHealth().assess(Panels(health=panel), Settings(), LAST, LAST)
    return sum(int(a.eligible.sum()) for a in assessed)


def test_an_event_about_the_entity_mutes_its_health_and_one_about_another_does_not() -> None:
    plain = doubled_load()
    assert findings(plain) >= 1
    day = date(2026, 3, 1)
    for scope, value, left in (("all", "", 0), ("entity", "shop", 0), ("entity", "other", 1), ("segment", "vip", 1)):
        muted = mute_health(plain, [KnownEvent(day, day, scope, value, "migration")])
        assert muted is not None
        assert min(findings(muted), 1) == left, scope


def test_spans_name_each_segment_that_an_event_touches() -> None:
    event = KnownEvent(date(2026, 4, 3), date(2026, 4, 6), "owner", "growth", "Easter")
    about = {"vip": "shop", "new": "shop"}, {"vip": "growth", "new": "crm"}
    assert spans_of_events([event], ("new", "vip"), *about) == [("vip", date(2026, 4, 3), date(2026, 4, 6))]
