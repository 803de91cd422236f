"""The rules name the planted cause first, say how firmly, and keep quiet where the evidence does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cause_case import MANIFEST
from cause_cases.duplicate_load import duplicate_load
from explain_world import D, World, headline_fault

from pulse_runner.explain.evidence.gather import gather
from pulse_runner.explain.explanation import Explanation
from pulse_runner.explain.ranking import explain
from pulse_runner.incidents.incident import Incident
from pulse_runner.segments.model import History


def told(world: World, incident: Incident, project, manifest=None) -> Explanation:
    bundle = gather(world, incident, project, manifest)
    explanation = explain(bundle.case, bundle.evidence)
    ids = {e.id for e in bundle.evidence}
    for hypothesis in explanation.hypotheses:
        assert hypothesis.evidence, hypothesis.title
        assert set(hypothesis.evidence) <= ids
    return explanation


def test_the_headline_fault_is_told_in_one_line(world: World, project) -> None:
    explanation = told(world, headline_fault(world), project)
    assert explanation.headline == (
        "42 % fewer members since 14 May: 422 of 429 leavers left by `ltv > 1000`;"
        " column ltv has 41 % nulls since that day (0.2 % before)."
    )
    first = explanation.hypotheses[0]
    assert (first.cause, first.confidence) == ("null_burst", "high")
    assert first.title == "Column ltv lost values: nulls rose to 41 %"


def test_what_to_do_names_the_model_and_the_sql(world: World, project) -> None:
    explanation = told(world, headline_fault(world), project, MANIFEST)
    assert explanation.recommendations == (
        "Open models/stg_customers.sql and look at what changed in ltv on or before 2026-05-14.",
        "Run `select snapshot_date, count(*) as all_rows, count(ltv) as with_value from dim"
        " where snapshot_date between date '2026-05-13' and date '2026-05-14' group by 1 order by 1`.",
        "After the repair, rebuild the dates: `pulse snapshot --date 2026-05-14`.",
    )
    assert explanation.hypotheses[0].owner_hint == ""  # nobody is named


def test_who_can_tell_is_the_owner_nearest_to_the_source_that_dbt_knows(world: World, project) -> None:
    incident = headline_fault(world)
    nodes = MANIFEST["nodes"]
    staging = nodes["model.shop.stg_customers"] | {"group": "crm"}
    owned = {
        **MANIFEST,
        "nodes": nodes | {"model.shop.stg_customers": staging},
        "groups": {"group.shop.crm": {"name": "crm", "owner": {"name": "CRM team", "email": "crm@example.com"}}},
    }
    assert told(world, incident, project, owned).hypotheses[0].owner_hint == "CRM team"
    source = MANIFEST["sources"]["source.shop.raw.customers"] | {"source_meta": {"owner": "ingest"}}
    owned["sources"] = {"source.shop.raw.customers": source}
    assert told(world, incident, project, owned).hypotheses[0].owner_hint == "ingest"


def test_the_repair_query_of_intervals_counts_the_rows_of_the_date_only(world: World, project) -> None:
    incident = duplicate_load(world)
    customers = project.entities["customers"]
    history = History("validity", valid_from="valid_from", valid_to="valid_to")
    spans = replace(project, entities={"customers": replace(customers, history=history)})
    query = told(world, incident, spans, MANIFEST).recommendations[0].split("`")[1]
    assert query == (
        "select customer_id, count(*) from dim where cast(valid_from as date) <= date '2026-05-14'"
        " and (valid_to is null or cast(valid_to as date) > date '2026-05-14') group by 1 having count(*) > 1"
    )
    world.connection.execute(
        "create table dim as select * from (values (1, date '2026-05-01', date '2026-05-14'), (1, date '2026-05-14', null),"
        " (2, date '2026-05-01', null), (2, date '2026-05-10', null)) as v (customer_id, valid_from, valid_to)"
    )
    assert world.connection.execute(query).fetchall() == [(2, 2)]  # key 1 has one row on the date, and one before it


def test_past_days_of_a_relation_without_history_are_not_to_be_rebuilt(world: World, project) -> None:
    customers = project.entities["customers"]
    today_only = replace(project, entities={"customers": replace(customers, history=History("none"))})
    told_to = told(world, headline_fault(world), today_only).recommendations
    assert told_to[-1] == (
        "After the repair, run `pulse run`. customers has no history, so the days before today stay as they are."
    )


def test_a_fault_in_a_column_that_nobody_left_by_only_coincides(world: World, project) -> None:
    headline_fault(world)
    world.changes(("lost", "leaf", "last_active_days <= 7", "last_active_at", 421))
    explanation = told(world, world.stored_incident(), project)
    nulls = next(h for h in explanation.hypotheses if h.cause == "null_burst")
    assert nulls.confidence == "medium"
    assert "coincides with the change" in nulls.reasoning


def test_a_fault_in_a_column_that_the_rule_does_not_read_is_low(world: World, project) -> None:
    world.resize(579)
    world.health("plan", null_share=0.41)
    incident = world.incident()
    explanation = told(world, incident, project)
    assert [(h.cause, h.confidence) for h in explanation.hypotheses] == [("null_burst", "low")]


def test_without_a_fault_people_moved_by_the_leaf(world: World, project) -> None:
    world.resize(600)
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 402))
    first = told(world, world.incident(), project).hypotheses[0]
    assert (first.cause, first.confidence) == ("people_moved", "medium")
    assert "no fault in the health table" in first.reasoning


def test_ageing_beyond_the_usual_is_named_as_ageing(world: World, project) -> None:
    world.resize(700)
    world.changes(("lost", "aged", "last_active_days <= 7", "last_active_at", 310))
    explanation = told(world, world.incident(), project)
    assert explanation.hypotheses[0].cause == "aged_out"
    assert "310 of 310 leavers left by ageing past `last_active_days <= 7`" in explanation.headline


def test_a_scale_change_gives_the_factor(world: World, project) -> None:
    world.health("ltv", mean_value=1600.0)
    world.resize(1900)
    world.changes(("gained", "leaf", "ltv > 1000", "ltv", 902))
    first = told(world, world.incident(direction="up"), project).hypotheses[0]
    assert (first.cause, first.title) == (
        "unit_change",
        "The unit or currency of column ltv changed: its values are 2 times what they were",
    )


def test_a_retyped_column_and_a_partial_load_are_named(world: World, project) -> None:
    world.health("ltv", data_type="text", mean_value=None)
    world.run("update pulse_entity_health set rows = 2500 where column_name = '(rows)' and snapshot_date = ?", D)
    world.changes(("lost", "row_gone", "", "", 400))
    world.resize(600)
    explanation = told(world, world.incident(), project)
    assert [h.cause for h in explanation.hypotheses[:2]] == ["partial_load", "column_retyped"]


def test_an_import_is_a_campaign_when_keys_are_unique(world: World, project) -> None:
    world.resize(1400)
    world.changes(("gained", "row_new", "", "", 400))
    first = told(world, world.incident(direction="up"), project).hypotheses[0]
    assert (first.cause, first.confidence) == ("campaign", "medium")


def test_a_slow_rise_of_inactivity_is_drift(world: World, project) -> None:
    world.run(
        "update pulse_segment_snapshots set inactive = 160, inactive_rate = 0.16 where segment_id = 'vip' and snapshot_date = ?",
        D,
    )
    incident = world.incident(
        detector="inactivity_creep", metric="inactive_rate", direction="up", started_on=D - timedelta(days=20)
    )
    explanation = told(world, incident, project)
    assert explanation.hypotheses[0].cause == "people_drifted"
    assert explanation.headline == "Inactive rate 60 % higher since 24 April: members are drifting away."


def test_thin_evidence_is_inconclusive(world: World, project) -> None:
    world.resize(800)
    explanation = told(world, world.incident(), project)
    assert [h.cause for h in explanation.hypotheses] == ["unknown"]
    assert (
        explanation.headline == "20 % fewer members since 14 May: inconclusive: the evidence does not point at a cause."
    )


def test_the_same_evidence_gives_the_same_words(world: World, project) -> None:
    incident = headline_fault(world)
    assert told(world, incident, project) == told(world, incident, project)
