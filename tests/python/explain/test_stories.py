"""One cause is one story over segments, metrics and the entity; two causes are two, and a neighbour of its own stays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from explain_world import NOW, D, World, headline_fault, make_project

from pulse_runner.explain.explanation import Evidence, Explanation, Hypothesis
from pulse_runner.explain.stage import explain_incidents
from pulse_runner.explain.store import StoredExplanation, new_version
from pulse_runner.explain.stories import stories
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.store import find_incidents

ENTITIES = make_project().entities
NULLS, ROWS = {"column_name": "ltv"}, {"column_name": "(rows)"}


def incident(name: str, segment: str = "", days: int = 0, **changes: object) -> Incident:
    return World().incident(
        incident_id=name, group_key=str(changes.pop("group_key", name)), segment_id=segment, started_on=D + timedelta(days),
        detected_on=D + timedelta(days), **changes,
    )  # fmt: skip


def because(
    name: str, kind: str, values: Mapping[str, str | float], cause: str = "null_burst", confidence: str = "high"
) -> StoredExplanation:
    fact = Evidence(kind, "It is so.", dict(values), "", 1.0, "x", id="E1")
    around = Evidence("lineage", "It is read there.", {"column_name": "other"}, "", 0.1, "x", id="E2")
    first = Hypothesis(cause, "A title", confidence, "", ("E2", "E1"))  # type: ignore[arg-type]
    return new_version(name, 1, D, NOW, Explanation("", "", (first,), ()), (fact, around))


def told(*incidents: Incident, because: tuple[StoredExplanation, ...] = ()) -> dict[str, str]:
    return stories(incidents, {e.incident_id: e for e in because}, ENTITIES)


def test_one_column_is_one_story_whatever_moves_and_whenever_it_is_seen() -> None:
    entity = incident("e", detector="entity_health", metric="null_share", attribute="ltv")
    size, rate = incident("a", "vip"), incident("b", "whales", 2, metric="conversion_rate")
    found = told(entity, size, rate, because=(because("a", "nulls", NULLS), because("b", "mean", NULLS)))
    assert found == {"e": "e", "a": "e", "b": "e"}


def test_two_columns_are_two_stories_though_they_began_together() -> None:
    ltv = incident("e", detector="entity_health", metric="null_share", attribute="ltv")
    country = incident("f", detector="entity_health", metric="null_share", attribute="country")
    a, b = incident("a", "vip", group_key="e"), incident("b", "whales", group_key="e")
    known = (because("a", "nulls", NULLS), because("b", "nulls", {"column_name": "country"}))
    assert told(ltv, country, a, b, because=known) == {"e": "e", "f": "f", "a": "e", "b": "f"}


def test_columns_that_were_multiplied_by_one_factor_are_one_story() -> None:
    def scaled(name: str, column: str, low: float, high: float) -> StoredExplanation:
        return because(name, "scale", {"column_name": column, "low_ratio": low, "high_ratio": high}, "unit_change")

    a, b, c = incident("a", "vip"), incident("b", "whales"), incident("c", "newcomers")
    pence = (scaled("a", "ltv", 99.0, 101.0), scaled("b", "spend_90d", 96.4, 101.6))
    assert told(a, b, c, because=(*pence, scaled("c", "weight", 0.001, 0.001))) == {"a": "a", "b": "a", "c": "c"}
    elsewhere = replace(b, entity="accounts")
    assert told(a, elsewhere, because=pence) == {"a": "a", "b": "b"}


def test_people_who_changed_are_no_symptom_of_what_began_on_their_day() -> None:
    entity = incident("e", detector="entity_health", metric="null_share", attribute="ltv")
    own, vague = incident("a", "vip", group_key="e"), incident("b", "whales", group_key="e")
    people = because("a", "column_steady", NULLS, "people_drifted", "medium")
    unsure = because("b", "nulls", NULLS, "unknown", "low")
    assert told(entity, own, vague, because=(people, unsure)) == {"e": "e", "a": "a", "b": "e"}


def test_slices_that_exclude_each_other_are_two_stories_and_none_fits_both() -> None:
    def slice_of(name: str, bucket: str) -> StoredExplanation:
        return because(name, "bucket", {"attribute": "country", "bucket": bucket}, "recoded")

    a, b, c = incident("a", "vip"), incident("b", "whales"), incident("c", "newcomers")
    assert told(a, b, c, because=(slice_of("a", "DE"), slice_of("b", "FR"), slice_of("c", "DE"))) == {
        "a": "a", "b": "b", "c": "a",
    }  # fmt: skip
    whole = because("b", "distinct", {"column_name": "country"}, "recoded")
    assert told(a, b, because=(slice_of("a", "DE"), whole)) == {"a": "a", "b": "a"}


def test_a_start_a_week_later_is_another_story_and_a_node_is_one_over_entities() -> None:
    a, b = incident("a", "vip"), incident("b", "whales", 7)
    assert told(a, b, because=(because("a", "nulls", NULLS), because("b", "nulls", NULLS))) == {"a": "a", "b": "b"}
    x = incident("x", detector="stale_data", metric="status", attribute="orders")
    y = replace(incident("y", detector="stale_data", metric="status", attribute="orders"), entity="accounts")
    z = incident("z", detector="stale_data", metric="status", attribute="carts")
    assert told(x, y, z) == {"x": "x", "y": "x", "z": "z"}


def test_a_story_keeps_its_name_when_it_is_told_again_and_the_commands_use_it(world: World, project) -> None:
    headline_fault(world)
    world.health("ltv", null_share=0.41)
    world.incident(
        incident_id="ent",
        group_key="ent",
        segment_id="",
        detector="entity_health",
        metric="null_share",
        attribute="ltv",
    )
    for _ in range(2):
        explain_incidents(world, project, D, NOW, {})
        groups = {r["incident_id"]: r["group_key"] for r in world.query("select * from pulse_incidents")}
        assert groups == {"inc1": "ent", "ent": "ent"}
    assert {i.incident_id for i in find_incidents(world, ["inc1"], group=True)} == {"inc1", "ent"}
