"""entity_health: faults of the relation, most of which no segment's size shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pytest

from pulse_runner.detectors import DETECTORS, EntityPanel, Finding, MetricPanel, Panels, Settings, evaluate
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.lifecycle import advance

START = np.datetime64("2024-01-01")
KEYS = (("customers", "(rows)"), ("customers", "country"))


def panel(**changes: tuple[int, int, object]) -> EntityPanel:
    """Make 60 ordinary days; each change is (row of KEYS, day, value)."""
    rng = np.random.default_rng(1)
    rows = np.tile(rng.poisson(20000, 60).astype(float), (2, 1))
    arrays = {
        "rows": rows,
        "nulls": np.stack([np.zeros(60), rng.binomial(20000, 0.02, 60).astype(float)]),
        "duplicate_keys": np.stack([np.zeros(60), np.full(60, np.nan)]),
        "data_type": np.array([["-"] * 60, ["text"] * 60], dtype=object),
    }
    for name, (row, day, value) in changes.items():
        arrays[name][row, day] = value
    return EntityPanel(KEYS, START + np.arange(60), status=np.full((2, 60), "ok", dtype=object), **arrays)


def findings(p: EntityPanel) -> list[Finding]:
    reports = evaluate(Panels(health=p), Settings(), DETECTORS, date(2024, 1, 1), date(2024, 2, 29))
    return [f for r in reports for f in r.findings]


def test_sixty_ordinary_days_are_quiet() -> None:
    assert findings(panel()) == []


@pytest.mark.parametrize(
    ("change", "metric", "attribute", "text"),
    [
        ({"rows": (0, 50, 40100.0)}, "rows", None, "Rows rose 10"),
        ({"nulls": (1, 50, 3400.0)}, "null_share", "country", "Null share of customers.country rose by 15.2 points to 17.1 %"),
        ({"duplicate_keys": (0, 50, 900.0)}, "duplicate_keys", None, "customers has 900 duplicate keys"),
        ({"data_type": (1, 50, "bigint")}, "data_type", "country", "Column customers.country is bigint, was text."),
    ],
)  # fmt: skip
def test_each_fault_is_found_on_its_day(
    change: dict[str, tuple[int, int, object]], metric: str, attribute: str | None, text: str
) -> None:
    first = findings(panel(**change))[0]
    assert (first.entity, first.segment_id, first.metric, first.attribute) == ("customers", "", metric, attribute)
    assert first.snapshot_date == date(2024, 2, 20)
    assert first.reason.startswith(text)


def test_a_null_share_that_grows_by_less_than_five_points_is_quiet() -> None:
    assert findings(panel(nulls=(1, 50, 1100.0))) == []


def test_a_flow_that_collapses_is_found_while_a_third_less_is_not() -> None:
    converted = np.random.default_rng(2).poisson(300, 60).astype(float)[None]
    for day, factor in ((40, 0.68), (50, 0.2)):
        converted[0, day] = np.round(converted[0, day] * factor)
    p = MetricPanel("converted", ("vip",), START + np.arange(60), converted)
    reports = evaluate(Panels({"converted": p}), Settings(), DETECTORS, date(2024, 1, 1), date(2024, 2, 29))
    assert [(f.detector, f.metric, f.snapshot_date) for r in reports for f in r.findings] == [
        ("entity_health", "converted", date(2024, 2, 20))
    ]


def test_a_relation_that_cannot_be_read_is_an_incident_of_the_entity_with_the_reason_and_is_never_normal() -> None:
    whole = panel()
    status, reason = whole.status.copy(), np.full((2, 60), "", dtype=object)
    status[:, 40:], reason[0, 40:] = [["broken"], [""]], "column day is text, not a date"
    rows, nulls = whole.rows.copy(), whole.nulls.copy()
    rows[:, 40:], nulls[:, 40:] = np.nan, np.nan
    broken = replace(whole, status=status, status_reason=reason, rows=rows, nulls=nulls)
    reports = evaluate(Panels(health=broken), Settings(), DETECTORS, date(2024, 1, 1), date(2024, 2, 29))
    stored: dict[str, Incident] = {}
    for report in reports:
        for change in advance(report, list(stored.values()), {}, datetime(2024, 3, 1)):
            stored[change.incident.incident_id] = change.incident
    (incident,) = stored.values()
    assert (incident.entity, incident.segment_id, incident.metric) == ("customers", "", "status")
    assert incident.reason == "customers cannot be snapshotted: column day is text, not a date."
    assert (incident.status, incident.started_on, incident.last_seen_on) == (
        "open",
        date(2024, 2, 10),
        date(2024, 2, 29),
    )
    assert incident.title == "customers: the relation cannot be read as of a date"
