"""The specification of the detectors on the demo: every planted fault is found in its time, and nothing else is.

No warehouse here: the metrics come from the oracle, so a failure is the detectors' or the shop's, not the engine's.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from shop_oracle import CONSTRAINED, Shop, distributions, members, metrics

from pulse_runner.backtest.read import read_history
from pulse_runner.backtest.replay import Replay, replay
from pulse_runner.detect.panels import constrained_attributes
from pulse_runner.detect.stage import detector_settings
from pulse_runner.detectors import DETECTORS
from pulse_runner.known_events.event import KnownEvent, excluded_by_events
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import load_project

ROOT = Path(__file__).parents[3]


def read_seed(name: str) -> list[dict[str, str]]:
    with (ROOT / "demo" / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


EXPECTED = [
    row for row in read_seed("demo_expected_incidents") if row["segment_id"]
]  # those of an entity need its health


@pytest.fixture(scope="module")
def replayed(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    folder = tmp_path_factory.mktemp("demo")
    metrics(shop).to_csv(folder / "metrics.csv", index=False)
    distributions(shop).to_csv(folder / "distributions.csv", index=False)
    history = read_history(folder / "metrics.csv")
    events = [
        KnownEvent(
            date.fromisoformat(e["starts_on"]),
            date.fromisoformat(e["ends_on"]),
            e["scope"],
            e["scope_value"],
            e["reason"],
        )
        for e in read_seed("pulse_known_events")
    ]
    panels = {
        name: replace(panel, excluded=excluded_by_events(events, panel.segment_ids, panel.dates, {}, {}))
        for name, panel in history.metrics.items()
    }
    spread = read_history(folder / "distributions.csv").distributions
    whole = replace(history, metrics=panels, distributions=spread, constrained=frozenset(CONSTRAINED))
    return replay(whole, detector_settings(load_project(ROOT / "demo", SCHEMA)), DETECTORS)


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['segment_id']}-{row['detector']}")
def test_each_planted_fault_opens_one_incident_in_its_time(row: dict[str, str], replayed: Replay) -> None:
    found = [i for i in replayed.incidents if (i.segment_id, i.detector) == (row["segment_id"], row["detector"])]
    assert len(found) == 1
    incident = found[0]
    assert row["earliest"] <= incident.detected_on.isoformat() <= row["latest"]
    assert (incident.direction, incident.attribute) == (row["direction"], row["attribute"])


def test_nothing_else_is_reported_in_three_months(replayed: Replay) -> None:
    planted = {(row["segment_id"], row["detector"]) for row in EXPECTED}
    assert [i.title for i in replayed.incidents if (i.segment_id, i.detector) not in planted] == []


def test_the_tablet_incident_recovers_the_day_after_the_fix_and_the_others_are_open_at_the_end(
    replayed: Replay,
) -> None:
    state = {i.segment_id: (i.status, i.resolution, i.resolved_on) for i in replayed.incidents}
    assert state == {
        "tablet_shoppers": ("resolved", "recovered", date(2026, 4, 27)),
        "students": ("open", "", None),
        "partner_customers": ("open", "", None),
        "high_value_active_users": ("open", "", None),
        "german_newsletter": ("open", "", None),
    }


def test_the_oracle_knows_every_segment_and_what_its_rule_fixes(shop: Shop) -> None:
    project = load_project(ROOT / "demo", SCHEMA)
    assert set(members(shop)) == set(project.segments)
    assert set(constrained_attributes(project)) == CONSTRAINED
