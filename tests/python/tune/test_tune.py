"""Settings from what people said: proposals, their trials in a replay, and the patch; a confirmed incident is never lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pulse_runner.backtest.read import Recording, recording_of
from pulse_runner.backtest.replay import replay
from pulse_runner.detectors import DETECTORS
from pulse_runner.detectors.base import Limits, Settings
from pulse_runner.incidents.incident import Incident, IncidentEvent
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import load_project
from pulse_runner.tune.patch import patch_of
from pulse_runner.tune.propose import Labels, Proposal, labels_of, proposals, settings_with
from pulse_runner.tune.trial import try_out
from pulse_runner.warehouse.project import read_project

ROOT = Path(__file__).parents[3]
DAYS = pd.date_range("2026-01-05", periods=150)
# segment -> day and factor of what happens there
PLANTED: dict[str, dict[int, float]] = {
    "falls": {60: 0.82, 90: 0.80, 120: 0.55},
    "rises": {52: 1.5, 84: 1.5, 120: 0.6},
    "one": {70: 0.4},
    "two": {70: 0.4},
    "between": {45: 0.6, 100: 0.7},
}
CONFIRMED = {("falls", 120), ("rises", 120), ("between", 100)}


@pytest.fixture(scope="module")
def history() -> Recording:
    rng = np.random.default_rng(7)
    frames = []
    for segment, faults in PLANTED.items():
        sizes = 2000.0 + rng.normal(0, 12, len(DAYS))
        for day, factor in faults.items():
            sizes[day] *= factor
        frames.append(pd.DataFrame({"segment_id": segment, "snapshot_date": DAYS, "numerator": sizes.round()}))
    return recording_of(pd.concat(frames).assign(metric="size", denominator=None), "the test")


@pytest.fixture(scope="module")
def labels(history: Recording) -> Labels:
    found = replay(history, Settings(), DETECTORS).incidents
    assert len(found) == sum(map(len, PLANTED.values()))
    said = []
    for i in found:
        is_confirmed = (i.segment_id, (i.started_on - DAYS[0].date()).days) in CONFIRMED
        said.append(
            replace(i, status="resolved", resolution="person" if is_confirmed else "false_alarm", note="a party")
        )
    return labels_of(said, [])


def test_what_people_took_in_hand_or_resolved_is_confirmed_and_what_they_accepted_is_neither() -> None:
    def one(identity: str, **changes: Any) -> Incident:
        from tests.python.alert.store import incident

        return incident(identity, **changes)

    def event(identity: str, name: Any, actor: str) -> IncidentEvent:
        return IncidentEvent(
            identity, identity, datetime(2026, 5, 1), date(2026, 5, 1), name, "open", "open", actor, ""
        )

    found = labels_of(
        [
            one("a", status="resolved", resolution="false_alarm"), one("b", status="resolved", resolution="person"),
            one("c"), one("d"), one("e", status="resolved", resolution="accepted"), one("f", status="resolved", resolution="recovered"),
        ],
        [event("c", "acknowledged", "ana"), event("d", "continued", "pulse"), event("e", "acknowledged", "ana"), event("a", "acknowledged", "ana")],
    )  # fmt: skip
    assert [i.incident_id for i in found.false] == ["a"]
    assert [i.incident_id for i in found.confirmed] == ["b", "c"]


def test_each_false_alarm_gets_the_mildest_remedy(labels: Labels) -> None:
    made = {(p.kind, p.segment): p for p in proposals(labels, Settings())}
    assert set(made) == {
        ("known event", "one"), ("known event", "two"), ("threshold", "falls"), ("direction", "rises"), ("known event", "between"),
    }  # fmt: skip
    falls = made["threshold", "falls"]
    assert falls.threshold in (0.21, 0.22)
    assert len(falls.meant_for) == 2
    assert made["direction", "rises"].direction == "down"
    event = made["known event", "one"].event
    assert event is not None
    assert (event.starts_on, event.ends_on, event.scope, event.scope_value, event.reason) == (
        DAYS[70].date(), DAYS[70].date(), "segment", "one", "a party",
    )  # fmt: skip


def test_a_replay_says_what_each_removes_and_keeps(history: Recording, labels: Labels) -> None:
    found = proposals(labels, Settings())
    trials = {(t.proposal.kind, t.proposal.segment): t for t in try_out(history, Settings(), labels, found, *ends())}
    assert {key: t.refused for key, t in trials.items() if t.refused} == {}
    assert {(i.segment_id, i.started_on) for i in trials["threshold", "falls"].removed} == {
        ("falls", DAYS[60].date()), ("falls", DAYS[90].date()),
    }  # fmt: skip
    for trial in trials.values():
        assert {i.incident_id for i in trial.kept} == {i.incident_id for i in labels.confirmed}


def test_a_proposal_that_would_lose_a_confirmed_incident_is_refused(history: Recording, labels: Labels) -> None:
    blind = Proposal("threshold", "too much", (), "falls", "size_jump", threshold=0.6)
    deaf = Proposal("direction", "wrong way", (), "rises", "size_jump", direction="up")
    idle = Proposal("threshold", "nothing", (), "one", "size_jump", threshold=0.16)
    refused = [t.refused for t in try_out(history, Settings(), labels, [blind, deaf, idle], *ends())]
    assert [r.partition(" ")[0] for r in refused] == ["it", "it", "it"]
    assert "was confirmed" in refused[0]
    assert "was confirmed" in refused[1]
    assert refused[2] == "it would have removed nothing"


def test_a_threshold_is_never_raised_above_a_confirmed_change_nor_to_more_than_twice_what_it_was(
    labels: Labels,
) -> None:
    for p in proposals(labels, Settings()):
        if p.threshold is not None:
            own = [abs(c.peak_effect) for c in labels.confirmed if c.segment_id == p.segment]
            assert p.threshold <= min([*own, 0.30])
    assert not [p for p in proposals(Labels(labels.false, labels.false), Settings()) if p.threshold or p.event]


def ends() -> tuple[date, date]:
    return DAYS[0].date(), DAYS[-1].date()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "demo" / "segments", tmp_path / "segments")
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: pulse\n")
    read_project.cache_clear()
    return tmp_path


def test_the_patch_is_what_a_person_would_write_and_loads(root: Path, labels: Labels) -> None:
    project = load_project(root, SCHEMA)
    name = "high_value_active_users"
    (event,) = [p for p in proposals(labels, Settings()) if p.segment == "one"]
    chosen = [
        Proposal("threshold", "", (), name, "size_jump", threshold=0.21),
        Proposal("threshold", "", (), name, "distribution_shift", "country", threshold=0.3),
        Proposal("direction", "", (), "newcomers", "size_jump", direction="down"),
        event,
    ]
    patch = patch_of(root, SCHEMA, project, chosen)
    for line in ("+  size_jump: 0.21", "+      direction: down", "+      country: 0.3", f"+{DAYS[70]:%Y-%m-%d},"):
        assert line in patch.diff or line.replace("      ", "    ") in patch.diff, patch.diff
    assert "+++ b/seeds/pulse_known_events.csv" in patch.diff
    patch.write()
    after = load_project(root, SCHEMA).segments
    assert after[name].thresholds["size_jump"].threshold == 0.21
    assert after[name].thresholds["distribution_shift"].attributes == {"country": 0.3}
    assert after["newcomers"].thresholds["size_jump"].direction == "down"
    assert patch_of(root, SCHEMA, load_project(root, SCHEMA), chosen).diff == "", "a second time changes nothing"


def test_settings_of_a_proposal_keep_what_a_segment_said_before() -> None:
    own = Settings(segments={("vip", "size_jump"): Limits(0.1, "down", True, 0.25)})
    made = settings_with(own, [Proposal("threshold", "", (), "vip", "size_jump", threshold=0.2)])
    assert made.segments["vip", "size_jump"] == Limits(0.2, "down", True, 0.25)
