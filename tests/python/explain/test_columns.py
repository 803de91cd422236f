"""Explanations look at every column that a rule reads: its own, of a referenced segment, of events."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cause_case import MANIFEST
from explain_world import D, World

from pulse_runner.explain import advice
from pulse_runner.explain.case import make_case
from pulse_runner.explain.evidence.gather import Bundle, gather
from pulse_runner.explain.explanation import Explanation
from pulse_runner.explain.ranking import explain
from pulse_runner.segments.model import (
    All,
    EventLeaf,
    EventSource,
    Field,
    FieldLeaf,
    Not,
    Project,
    Relation,
    Rule,
    Segment,
    SegmentLeaf,
)

LTV = FieldLeaf("ltv", ">", (1000,))
IN_GERMANY = FieldLeaf("country", "in", ("DE",))
IS_GERMAN = SegmentLeaf("germans", "in_segment")  # germans: country in (DE)
LARGE_ORDERS = EventLeaf(
    "orders", "performed", in_last=30, where=(FieldLeaf("status", "=", ("paid",)), FieldLeaf("amount", ">", (50,)))
)


def with_rules(project: Project, **rules: Rule) -> Project:
    """Return the project with orders as events of customers, and other rules for some segments."""
    orders = EventSource(
        "orders", Relation("ref", ("stg_orders",)), "customer_id", "ordered_at",
        {"status": Field("status", "text"), "amount": Field("amount", "number"), "country": Field("country", "text")},
    )  # fmt: skip
    customers = replace(project.entities["customers"], events={"orders": orders})
    changed = {name: Segment(name, "customers", rule, "growth-team") for name, rule in rules.items()}
    return Project({"customers": customers}, {**project.segments, **changed}, {})


def told(world: World, project: Project, **incident: object) -> tuple[Bundle, Explanation]:
    bundle = gather(world, world.incident(**incident), project, MANIFEST)
    return bundle, explain(bundle.case, bundle.evidence)


def siblings(bundle: Bundle) -> dict[str, object]:
    return dict(next(e for e in bundle.evidence if e.kind == "siblings").values)


def nulls_in_country(world: World) -> None:
    world.health("country", null_share=0.5)
    world.resize(579)
    world.resize(900, "germans")


MEASURED = (("lost", "leaf", "country in (DE)", "country", 421),)


@pytest.mark.parametrize(("changes", "confidence"), [(MEASURED, "high"), ((), "medium")])
@pytest.mark.parametrize(
    "rule",
    [All((LTV, IN_GERMANY)), All((LTV, IS_GERMAN)), All((LTV, Not(SegmentLeaf("europeans", "in_segment"))))],
    ids=["direct", "referenced", "referenced twice"],
)
def test_a_null_burst_that_a_reference_reads_is_as_firm_as_a_direct_one(
    world: World, project, rule: Rule, changes, confidence
) -> None:
    nulls_in_country(world)
    world.changes(*changes)
    bundle, explanation = told(world, with_rules(project, vip=rule, europeans=IS_GERMAN))
    first = explanation.hypotheses[0]
    assert (first.cause, first.confidence) == ("null_burst", confidence)
    assert first.title == "Column country lost values: nulls rose to 50 %"
    nulls = next(e for e in bundle.evidence if e.kind == "nulls")
    assert (nulls.weight, nulls.id in first.evidence) == (0.92, True)
    assert {e.values["column_name"] for e in bundle.evidence if e.kind == "lineage"} == {"country"}


def test_a_sibling_that_reads_the_column_through_a_reference_is_a_reader(world: World, project) -> None:
    nulls_in_country(world)
    world.resize(100, "whales")
    bundle, _ = told(world, with_rules(project, vip=All((LTV, IN_GERMANY)), whales=All((LTV, IS_GERMAN))))
    assert siblings(bundle) == {"readers": 2, "readers_moved": 2, "others": 1, "others_moved": 0}


def test_without_the_reference_the_sibling_is_no_reader(world: World, project) -> None:
    nulls_in_country(world)
    world.resize(100, "whales")
    bundle, _ = told(world, with_rules(project, vip=All((LTV, IN_GERMANY))))
    assert siblings(bundle) == {"readers": 1, "readers_moved": 1, "others": 2, "others_moved": 1}


def test_segments_that_refer_to_each_other_are_no_endless_search(world: World, project) -> None:
    circle = with_rules(
        project, vip=All((LTV, SegmentLeaf("whales", "in_segment"))), whales=SegmentLeaf("vip", "in_segment")
    )
    case = make_case(world, world.incident(), circle, None, 5)
    assert case.columns == ("ltv",)


def test_columns_of_events_are_listed_under_their_relation(world: World, project) -> None:
    case = make_case(world, world.incident(), with_rules(project, vip=All((LTV, LARGE_ORDERS))), MANIFEST, 5)
    assert case.columns == ("ltv", "orders.amount", "orders.customer_id", "orders.ordered_at", "orders.status")
    assert case.event_relations == {"orders": "stg_orders_built"}


def test_a_column_of_the_entity_is_not_one_of_its_events(world: World, project) -> None:
    """The relation of customers has a column `country`; the filter reads that of the orders."""
    world.health("country", null_share=0.5)
    world.resize(579)
    events = EventLeaf("orders", "performed", where=(FieldLeaf("country", "=", ("DE",)),))
    bundle, explanation = told(world, with_rules(project, vip=events))
    assert bundle.case.columns[0] == "orders.country"
    assert [(h.cause, h.confidence) for h in explanation.hypotheses] == [("null_burst", "low")]


def test_the_first_column_is_followed_up_from_the_relation_that_has_it(world: World, project) -> None:
    world.resize(579)
    bundle, _ = told(world, with_rules(project, vip=LARGE_ORDERS))
    assert [e.statement for e in bundle.evidence if e.kind == "lineage"] == [
        "Column orders.amount comes from amount of model stg_orders (models/stg_orders.sql). What feeds it there is not known:"
        " amount is not a column of the query."
    ]


def test_the_sql_that_shows_a_column_of_events_asks_their_relation(world: World, project) -> None:
    case = make_case(world, world.incident(), with_rules(project, vip=LARGE_ORDERS), MANIFEST, 5)
    assert advice.count_values(case, "orders.amount") == (
        "Run `select cast(ordered_at as date), count(*) as all_rows, count(amount) as with_value from stg_orders_built"
        f" where cast(ordered_at as date) between date '2026-05-13' and date '{D}' group by 1 order by 1`."
    )
