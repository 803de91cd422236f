"""Which entities are blind, by what dbt says of its nodes: pure, on a manifest of a few lines."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pulse_runner.segments.model import Entity, EventSource, History, Relation
from pulse_runner.snapshot.blind import blind_entities, late_entities, made_anyway
from pulse_runner.upstream import Trouble, error_line, reason_of, troubles_in
from pulse_runner.warehouse.dbt import NodeFailure

D = date(2026, 5, 30)
HISTORY = History("as_of", as_of="day")


def ref(name: str) -> Relation:
    return Relation("ref", (name,))


def node(name: str, *parents: str, kind: str = "model", package: str = "shop") -> dict[str, Any]:
    return {
        "unique_id": f"{kind}.{name}", "name": name, "resource_type": kind, "package_name": package, "config": {},
        "depends_on": {"nodes": list(parents)},
    }  # fmt: skip


SOURCE = {"unique_id": "source.crm.people", "source_name": "crm", "name": "people", "resource_type": "source"}
NODES = [
    node("stg", "source.crm.people"), node("people", "model.stg"), node("shops"), node("visits"),
    node("unique_stg", "model.stg", kind="test"),
    node("pulse_people__facts", "model.people", "model.visits", package="pulse"),
    node("pulse_people__health", "model.people", package="pulse"),
    node("pulse_people__current", "model.people", package="pulse"),
    node("pulse_shops__facts", "model.shops", package="pulse"),
    node("pulse_segment_facts", "model.pulse_people__facts", "model.pulse_shops__facts", package="pulse"),
    node("pulse_rich", "model.pulse_people__current", package="pulse"),
]  # fmt: skip
MANIFEST = {
    "metadata": {"project_name": "shop"},
    "sources": {SOURCE["unique_id"]: SOURCE},
    "nodes": {n["unique_id"]: n for n in NODES},
}
PEOPLE = Entity(
    "people", ref("people"), "id", HISTORY, {}, events={"visits": EventSource("visits", ref("visits"), "id", "at", {})}
)
SHOPS = Entity("shops", ref("shops"), "id", HISTORY, {})
PULSE = ("pulse_people__facts", "pulse_people__health", "pulse_people__current", "pulse_segment_facts", "pulse_rich")


def failures(*failed: str, skipped: tuple[str, ...] = (), status: str = "error") -> list[NodeFailure]:
    return [
        *(NodeFailure(n, status, "Database Error\n  no column x\n  LINE 1: x") for n in failed),
        *(NodeFailure(n, "skipped", "") for n in skipped),
    ]


@pytest.mark.parametrize(("failed", "status", "kind"), [("stg", "error", "model"), ("unique_stg", "fail", "test")])
def test_what_failed_first_is_named_with_what_was_skipped_behind_it(failed: str, status: str, kind: str) -> None:
    found = blind_entities(MANIFEST, failures(failed, skipped=("people", *PULSE), status=status), [PEOPLE, SHOPS])
    assert set(found) == {"people"}
    (trouble,) = found["people"].troubles
    assert (trouble.kind, trouble.name, trouble.state) == (kind, failed, "failed")
    assert trouble.error == "Database Error no column x (skipped behind it: people)"
    assert found["people"].events == {}


def test_what_was_skipped_with_nothing_failing_before_it_is_named_itself() -> None:
    (trouble,) = blind_entities(MANIFEST, failures(skipped=("stg", "people", *PULSE)), [PEOPLE])["people"].troubles
    assert (trouble.name, trouble.state) == ("stg", "was skipped")


def test_a_relation_of_events_blinds_what_reads_it_only() -> None:
    blind = blind_entities(MANIFEST, failures("visits", skipped=PULSE), [PEOPLE])["people"]
    assert blind.troubles == ()
    assert [t.name for t in blind.events["visits"]] == ["visits"]
    assert blind.variable() == {"events": {"visits": "upstream model visits failed: Database Error no column x"}}


def test_a_failure_that_no_entity_needs_blinds_nobody() -> None:
    assert blind_entities(MANIFEST, failures("shops"), [PEOPLE]) == {}


def test_the_second_build_makes_what_reads_nothing_that_is_missing() -> None:
    told = failures("stg", skipped=("people", *PULSE))
    assert made_anyway(MANIFEST, told, ["people"]) == [
        "pulse_people__facts", "pulse_people__health", "pulse_segment_facts",
    ]  # fmt: skip


def freshness(loaded: str, looked: str = "2026-05-30T05:00:00Z", status: str = "error") -> dict[str, Any]:
    result = {"unique_id": SOURCE["unique_id"], "status": status, "max_loaded_at": loaded}
    return {"metadata": {"generated_at": looked}, "results": [result]}


def test_a_source_that_dbt_calls_too_old_blinds_the_days_after_its_last_load() -> None:
    late = late_entities(MANIFEST, freshness("2026-05-28T23:00:00+00:00"), [PEOPLE, SHOPS], D)
    assert set(late) == {"people"}
    assert late["people"].variable() == {
        "reason": "upstream source crm.people is late: last loaded on 2026-05-28", "since": "2026-05-29",
    }  # fmt: skip


@pytest.mark.parametrize(
    "found",
    [
        None,
        freshness("2026-05-30T01:00:00Z"),
        freshness("2026-05-28T01:00:00Z", status="warn"),
        freshness("2026-05-28T01:00:00Z", looked="2026-05-29T05:00:00Z"),
    ],
    ids=["never looked", "of the day itself", "a warning", "looked the day before"],
)
def test_freshness_that_says_nothing_of_the_date_blinds_nobody(found: dict[str, Any] | None) -> None:
    assert late_entities(MANIFEST, found, [PEOPLE], D) == {}


def test_a_reason_is_read_as_it_was_written() -> None:
    troubles = [Trouble("model", "a", "failed", "no; column"), Trouble("source", "b.c", "is late")]
    read = troubles_in(reason_of(troubles))
    assert [(t.kind, t.name, t.state, t.message) for t in read] == [
        ("model", "a", "failed", "no, column"), ("source", "b.c", "is late", ""),
    ]  # fmt: skip
    assert troubles_in("column ltv is missing") == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('invalid input syntax for type integer: "Ada"', "invalid input syntax for type integer: […]"),
        ("duplicate key: Key (id)=(ada@example.com) exists", "duplicate key: Key (id)=[…] exists"),
        ("see https://host/x for ada@example.com", "see [link] for [address]"),
        ("broke\n  compiled code at /home/me/target/x.sql", "broke"),
    ],
)
def test_an_error_is_told_without_values_and_addresses(said: str, told: str) -> None:
    assert error_line(said) == told
