"""Explanations are versions: new evidence makes one, the same evidence makes none."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from explain_world import NOW, TABLES, D, World, headline_fault

from pulse_runner.cli.explain import as_text
from pulse_runner.errors import ExplainError
from pulse_runner.explain.stage import explain_incidents
from pulse_runner.explain.store import explanation_row, latest_explanations


def stored(world: World) -> list[dict]:
    return world.query("select * from pulse_incident_explanations order by incident_id, version")


def test_the_same_day_twice_makes_nothing_new(world: World, project) -> None:
    headline_fault(world)
    first = explain_incidents(world, project, D, NOW, {})
    assert explain_incidents(world, project, D + timedelta(days=1), NOW, {}) == []
    rows = stored(world)
    assert [r["version"] for r in rows] == [1]
    assert rows[0] == explanation_row(first[0])
    assert set(explanation_row(first[0])) == {
        column.split()[0] for column in TABLES["pulse_incident_explanations"].split(", ")
    }


def test_late_data_makes_a_new_version(world: World, project) -> None:
    headline_fault(world)
    explain_incidents(world, project, D, NOW, {})
    world.health("ltv", null_share=0.45)
    again = explain_incidents(world, project, D, NOW, {})
    assert [e.version for e in again] == [2]
    assert [r["version"] for r in stored(world)] == [1, 2]
    assert "45 % nulls" in again[0].explanation.headline


def test_a_later_day_of_the_same_incident_makes_no_new_version(world: World, project) -> None:
    headline_fault(world)
    explain_incidents(world, project, D, NOW, {})
    world.run("update pulse_incidents set last_seen_on = ?, severity = 'critical'", D + timedelta(days=3))
    assert explain_incidents(world, project, D + timedelta(days=3), NOW, {}) == []


def test_a_later_day_that_says_something_new_makes_a_version_and_one_that_knows_less_does_not(
    world: World, project
) -> None:
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 400))
    world.resize(600)
    world.incident(observed=600.0, expected=1000.0)
    (first,) = explain_incidents(world, project, D, NOW, {})
    assert first.explanation.hypotheses[0].confidence != "high"
    later, third = D + timedelta(days=1), D + timedelta(days=2)
    for table in ("pulse_segment_snapshots", "pulse_entity_health"):
        for day in (later, third):
            world.run(
                f"insert into {table} select * replace (cast(? as date) as snapshot_date) from {table}"
                " where snapshot_date = ?", day, D,
            )  # fmt: skip
    world.run("update pulse_incidents set last_seen_on = ?", later)
    world.health("ltv", day=later, null_share=0.41)
    (second,) = explain_incidents(world, project, later, NOW, {})
    assert (second.version, second.snapshot_date) == (2, later)
    assert second.explanation.hypotheses[0].cause == "null_burst"
    assert explain_incidents(world, project, later, NOW, {}) == [], "the same date twice"
    world.run("update pulse_incidents set last_seen_on = ?", third)
    assert explain_incidents(world, project, third, NOW, {}) == [], (
        "the column is well again: the cause is still what it was"
    )


def test_force_makes_a_version_and_a_dry_run_stores_none(world: World, project) -> None:
    headline_fault(world)
    explain_incidents(world, project, D, NOW, {})
    assert [e.version for e in explain_incidents(world, project, D, NOW, {}, force=True, dry_run=True)] == [2]
    assert len(stored(world)) == 1
    explain_incidents(world, project, D, NOW, {}, force=True)
    assert [r["version"] for r in stored(world)] == [1, 2]


def test_ignored_and_future_incidents_are_left_alone(world: World, project) -> None:
    world.incident(incident_id="a", status="ignored")
    world.incident(incident_id="b", started_on=D + timedelta(days=2), detected_on=D + timedelta(days=2))
    world.incident(incident_id="c", status="resolved")
    assert [e.incident_id for e in explain_incidents(world, project, D, NOW, {})] == ["c"]
    assert [e.incident_id for e in explain_incidents(world, project, D, NOW, {}, incident_ids=["a"])] == ["a"]
    assert explain_incidents(world, project, D, NOW, {}, incident_ids=[]) == []


def test_a_failed_query_is_stored_as_not_known(world: World, project) -> None:
    headline_fault(world)
    world.run("drop table pulse_known_events")
    rejected = explain_incidents(world, project, D, NOW, {})[0].explanation.rejected
    assert [(r.part, r.reason) for r in rejected] == [("evidence", "the query failed; what it asks is not known")]
    assert rejected[0].text.startswith("known events: ")


def test_a_bad_bucket_size_is_named(world: World, project) -> None:
    with pytest.raises(ExplainError, match="PULSE_SMALLEST_BUCKET must be a whole number, not 'few'"):
        explain_incidents(world, project, D, NOW, {"PULSE_SMALLEST_BUCKET": "few"})


def test_the_text_for_people_has_the_sql_on_demand(world: World, project) -> None:
    headline_fault(world)
    explain_incidents(world, project, D, NOW, {})
    stored = latest_explanations(world, ["inc1"])["inc1"]
    names = {"inc1": "INC-7"}
    short, long = as_text(stored, False, names), as_text(stored, True, names)
    assert short.splitlines()[1].startswith("  INC-7, version 1, ")
    assert short.splitlines()[0] == stored.explanation.headline
    assert "1. Column ltv lost values: nulls rose to 41 % (high confidence; E4, E3, E6)" in short
    assert "What to do:\n  1. Find out what changed in ltv" in short
    assert "select" not in short.split("Evidence:")[1]
    assert "       | select direction, cause, detail, columns," in long
    assert re.search(r"E\d+ +Column last_active_at of customers is as before", long)
