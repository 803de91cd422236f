"""An explanation comes out of its table as it went in, and one that cannot be read is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from explain_world import NOW, D, World, headline_fault

from pulse_runner.errors import ExplainError
from pulse_runner.explain.explanation import Evidence, Explanation, Hypothesis, Rejection
from pulse_runner.explain.stage import explain_incidents
from pulse_runner.explain.store import (
    explanation_row,
    explanation_values,
    latest_explanations,
    new_version,
    save,
    stored_explanation,
)

FACT = Evidence(
    "nulls", "Column ltv has 41 % nulls.", {"null_share": 0.41, "gone": None, "is_new": True, "name": "ltv"},
    "select 1", 0.92, "pulse_entity_health", "E1",
)  # fmt: skip
MOVED = replace(FACT, kind="cause", id="E2", contribution=-420.5)
TOLD = Explanation(
    "A headline — with “quotes”.", "A summary.",
    (
        Hypothesis("null_burst", "First", "high", "Because.", ("E1", "E2"), "data team", ("Look.", "Repair."), "c", "r"),
        Hypothesis("unknown", "Second", "low", "Perhaps.", ("E2",)),
    ),
    ("Look.",), "openai", "m1", (Rejection("headline", "88 %", "not in the evidence"),),
)  # fmt: skip
STORED = new_version("inc1", 1, D, NOW, TOLD, (FACT, MOVED))


def test_an_explanation_comes_back_as_it_was_written(world: World) -> None:
    save(world, [STORED])
    assert latest_explanations(world, ["inc1"]) == {"inc1": STORED}
    (row,) = world.query("select * from pulse_incident_explanations")
    assert row == explanation_row(STORED)


def test_what_the_stage_makes_comes_back_too(world: World, project) -> None:
    headline_fault(world)
    (made,) = explain_incidents(world, project, D, NOW, {})
    assert latest_explanations(world, ["inc1", "other"]) == {"inc1": made}


def test_the_newest_version_of_each_incident_counts(world: World) -> None:
    second = new_version("inc1", 2, D, NOW, replace(TOLD, headline="Later."), (FACT,))
    tenth = replace(second, version=10, explanation_id="x10")
    other = new_version("inc2", 1, D, NOW, TOLD, (FACT,))
    save(world, [tenth, STORED, second, other])
    assert latest_explanations(world, ["inc1"]) == {"inc1": tenth}
    assert latest_explanations(world, []) == {}


def test_hypotheses_have_ranks_in_the_table() -> None:
    values = explanation_values(STORED)["hypotheses"]
    assert [(h["rank"], h["title"]) for h in values] == [(1, "First"), (2, "Second")]


def test_a_version_has_one_id_and_utc_without_a_zone() -> None:
    east = datetime(2026, 5, 15, 8, 0, tzinfo=timezone(timedelta(hours=2)))
    again = new_version("inc1", 1, D, east, TOLD, ())
    assert (again.explanation_id, again.created_at) == (STORED.explanation_id, NOW)
    assert new_version("inc1", 2, D, east.astimezone(UTC), TOLD, ()).explanation_id != STORED.explanation_id


def test_the_hash_of_the_evidence_changes_with_a_fact_and_not_with_its_order() -> None:
    def hashed(*facts: Evidence) -> str:
        return new_version("inc1", 1, D, NOW, TOLD, facts).evidence_hash

    assert hashed(MOVED, FACT) == STORED.evidence_hash
    assert hashed(replace(FACT, weight=0.1, id="E9"), MOVED) == STORED.evidence_hash
    assert hashed(replace(FACT, values={"null_share": 0.42}), MOVED) != STORED.evidence_hash


def test_a_key_of_a_later_version_is_left_out() -> None:
    row = explanation_row(STORED)
    row["rejected"] = '[{"part": "headline", "text": "88 %", "reason": "not in the evidence", "by": "x"}]'
    assert stored_explanation(row) == STORED


@pytest.mark.parametrize(
    ("column", "text", "why"),
    [
        ("hypotheses", "{not json", "hypotheses is not a JSON list"),
        ("evidence", '{"a": 1}', "evidence is not a JSON list"),
        ("rejected", '[{"part": "x"}]', "rejected has an entry without text, reason"),
    ],
)
def test_what_cannot_be_read_is_named_with_a_way_out(world: World, column: str, text: str, why: str) -> None:
    save(world, [STORED])
    world.run(f"update pulse_incident_explanations set {column} = ?", text)
    with pytest.raises(ExplainError) as raised:
        latest_explanations(world, ["inc1"])
    assert str(raised.value) == (
        f"Version 1 of the explanation of incident inc1 cannot be read: {why}."
        " `pulse explain inc1 --force` makes a new one."
    )


def test_a_new_version_can_be_made_over_one_that_cannot_be_read(world: World, project) -> None:
    headline_fault(world)
    explain_incidents(world, project, D, NOW, {})
    world.run("update pulse_incident_explanations set evidence = 'gone'")
    (made,) = explain_incidents(world, project, D, NOW, {}, force=True)
    assert (made.version, latest_explanations(world, ["inc1"])) == (2, {"inc1": made})
