"""Every fact is a row of the SQL that is stored beside it, and nothing but aggregates gets in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from explain_world import FIRST, NOW, D, World, headline_fault

from pulse_runner.explain.agent.answer_check import grounds, wrong_text
from pulse_runner.explain.evidence.collector import hidden, plain
from pulse_runner.explain.evidence.gather import Bundle, gather
from pulse_runner.explain.explanation import Evidence
from pulse_runner.explain.stage import explain_incidents
from pulse_runner.incidents.model import Incident


def null_burst(world: World) -> Incident:
    return headline_fault(world)


def recoded_country(world: World) -> Incident:
    world.buckets("country", {"DE": 600, "FR": 300, "UK": 97, "XX": 3}, D)
    return world.incident(detector="distribution_shift", metric="distribution", attribute="country", direction="up")


def duplicate_load(world: World) -> Incident:
    world.health("(rows)", rows=6200, duplicate_keys=1200)
    world.resize(1240)
    world.changes(("gained", "row_new", "", "", 250), ("lost", "aged", "last_active_days <= 7", "last_active_at", 10))
    return world.incident(direction="up")


def edited_rule(world: World) -> Incident:
    world.insert(
        "pulse_segments", segment_id="vip", version=2, entity="customers", owner="growth-team", enabled=True,
        rule_text="ltv > 2000 and last_active_days <= 7", definition_hash="h-vip-2", valid_from=D,
    )  # fmt: skip
    world.resize(520)
    world.changes(("lost", "edited", "", "", 480), ("gained", "leaf", "ltv > 2000", "ltv", 0))
    return world.incident()


def email_consent(world: World) -> Incident:
    world.run(
        "update pulse_segment_reach set reachable = 300, reach_rate = 0.3 where channel = 'email' and snapshot_date = ?",
        D,
    )
    return world.incident(detector="reach_drop", metric="reach:email")


def broken_column(world: World) -> Incident:
    world.run(
        "update pulse_segment_snapshots set status = 'broken', status_reason = 'column ltv is missing', size = null"
        " where segment_id in ('vip', 'whales') and snapshot_date = ?", D,
    )  # fmt: skip
    world.run("delete from pulse_entity_health where column_name = 'ltv' and snapshot_date = ?", D)
    world.run("delete from pulse_segment_changes where segment_id = 'vip' and snapshot_date = ?", D)
    return world.incident(detector="broken_segment", metric="status")


def conversion_on_one_device(world: World) -> Incident:
    world.run(
        "update pulse_segment_snapshots set converted = 25, conversion_rate = 0.025 where segment_id = 'vip' and snapshot_date = ?",
        D,
    )
    world.run(
        "create table dim (customer_id integer, snapshot_date date, device varchar, country varchar, last_order_at timestamp)"
    )
    for weeks in range(5):
        day = D - timedelta(days=7 * weeks)
        for device, orders in (("ios", 0 if weeks == 0 else 40), ("android", 41)):
            for n in range(orders):
                world.insert("dim", customer_id=n, snapshot_date=day, device=device, country="DE", last_order_at=day)
    return world.incident(detector="conversion_anomaly", metric="conversion_rate")


def stale_source(world: World) -> Incident:
    world.run(
        "update pulse_segment_snapshots set status = 'stale', status_reason = 'freshest row is of 2026-05-13' where snapshot_date = ?",
        D,
    )
    world.health("(rows)", status="stale", status_reason="freshest row is of 2026-05-13")
    return world.incident(detector="stale_data", metric="status")


def null_burst_of_the_relation(world: World) -> Incident:
    world.health("ltv", nulls=2050, null_share=0.41)
    return world.incident(segment_id="", detector="entity_health", metric="null_share", attribute="ltv", direction="up")


SCENARIOS = [
    null_burst, recoded_country, duplicate_load, edited_rule, email_consent, broken_column, conversion_on_one_device,
    stale_source, null_burst_of_the_relation,
]  # fmt: skip
MANIFEST = {
    "sources": {
        "source.shop.raw.customers": {
            "name": "customers", "resource_type": "source", "original_file_path": "models/_sources.yml", "columns": {"ltv": {}},
        }
    },
    "nodes": {
        "model.shop.dim_customers_daily": {
            "name": "dim_customers_daily", "resource_type": "model", "original_file_path": "models/dim_customers_daily.sql",
            "relation_name": "dim", "raw_code": "select * from {{ ref('stg_customers') }}",
            "depends_on": {"nodes": ["model.shop.stg_customers", "model.shop.stg_orders"]},
        },
        "model.shop.stg_orders": {
            "name": "stg_orders", "resource_type": "model", "original_file_path": "models/stg_orders.sql",
            "raw_code": "select order_id, ltvx from x", "depends_on": {"nodes": []},
        },
        "model.shop.stg_customers": {
            "name": "stg_customers", "resource_type": "model", "original_file_path": "models/stg_customers.sql",
            "raw_code": "select customer_id, cast(LTV as double) as ltv from {{ source('raw', 'customers') }}",
            "depends_on": {"nodes": ["source.shop.raw.customers"]},
        },
    },
}  # fmt: skip


def of(bundle: Bundle, kind: str) -> list[Evidence]:
    return [e for e in bundle.evidence if e.kind == kind]


def is_row_of(fact: Evidence, row: dict, k: int) -> bool:
    """Say whether a row of the re-run SQL has every value of the fact, small numbers of people hidden."""
    return all(v in (plain(row[c]), hidden(plain(row[c]), k)) for c, v in fact.values.items())


@pytest.mark.parametrize("plant", SCENARIOS)
def test_each_fact_is_a_row_of_its_own_sql_run_as_pasted(world: World, project, plant) -> None:
    bundle = gather(world, plant(world), project, MANIFEST)
    assert bundle.gaps == ()
    assert [e.id for e in bundle.evidence] == [f"E{n}" for n in range(1, len(bundle.evidence) + 1)]
    with_sql = [e for e in bundle.evidence if e.sql]
    assert len(with_sql) >= 2
    for fact in with_sql:
        rows = world.query(fact.sql)
        assert any(is_row_of(fact, row, 5) for row in rows), fact
    assert {e.source for e in bundle.evidence if not e.sql} <= {"target/manifest.json"}


@pytest.mark.parametrize("plant", SCENARIOS)
def test_a_fact_says_the_numbers_that_it_holds(world: World, project, plant) -> None:
    bundle = gather(world, plant(world), project, MANIFEST)
    for fact in bundle.evidence:
        only_values = Evidence(fact.kind, "", fact.values, "", 0.0, "")
        allowed = grounds(bundle.case, [only_values])
        named = allowed.names | {w.lower() for w in fact.statement.replace("`", " ").replace(".", " ").split()}
        allowed = replace(allowed, names=frozenset(named))
        # only what is said about the facts' own dates and thresholds is not among its values
        reason = wrong_text(fact.statement.replace("10 % or more", "").replace("<5", ""), allowed)
        assert reason == "" or reason.startswith(("the date", "the name")), (fact.statement, reason)


def test_the_headline_fault_gives_change_cause_and_column_with_their_numbers(world: World, project) -> None:
    bundle = gather(world, headline_fault(world), project)
    assert [e.kind for e in bundle.evidence[:5]] == ["finding", "change", "cause", "nulls", "balance"]
    cause = of(bundle, "cause")[0]
    assert cause.values == {
        "direction": "lost", "cause": "leaf", "detail": "ltv > 1000", "columns": "ltv", "members": 422, "of_members": 429,
        "usual_members": 2,
    }  # fmt: skip
    assert cause.contribution == -420.0
    assert of(bundle, "nulls")[0].statement == (
        "Column ltv of customers has 41 % nulls on 2026-05-14, 0.2 % on average over the 14 days before 2026-05-14."
    )
    assert of(bundle, "balance")[0].values == {"gained": 8, "lost": 429, "net": -421}
    assert of(bundle, "siblings")[0].values == {"readers": 1, "readers_moved": 1, "others": 2, "others_moved": 0}


def test_usual_movement_is_no_evidence(world: World, project) -> None:
    bundle = gather(world, world.incident(), project)
    assert of(bundle, "cause") == []
    assert of(bundle, "nulls") == []
    assert {e.values["column_name"] for e in of(bundle, "column_steady")} == {"ltv", "last_active_at"}


def test_a_cause_that_stayed_away_is_a_loss_too(world: World, project) -> None:
    for n in range(14):
        world.changes(
            ("gained", "row_new", "", "", 60), ("lost", "leaf", "ltv > 1000", "ltv", 2), day=D - timedelta(days=n + 1)
        )
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 2))
    world.resize(950)
    causes = of(gather(world, world.incident(), project), "cause")
    new = next(e for e in causes if e.values["cause"] == "row_new")
    assert new.values["members"] == 0
    assert new.contribution == -30.0


def test_a_bucket_of_fewer_than_k_is_told_only_as_smaller_than_k(world: World, project) -> None:
    world.buckets("country", {"DE": 600, "FR": 396, "GB": 4}, D)
    incident = world.incident(detector="distribution_shift", metric="distribution", attribute="country", direction="up")
    buckets = of(gather(world, incident, project), "bucket")
    britain = next(e for e in buckets if e.values["bucket"] == "GB")
    assert britain.values["members"] == "<5"
    assert "share" not in britain.values
    assert britain.statement == (
        "Bucket 'GB' of country holds <5 members on 2026-05-14, 9.7 % of the members (97) on 2026-05-13."
    )
    assert "XX" not in {e.values["bucket"] for e in buckets}


def test_k_is_a_setting(world: World, project) -> None:
    recoded_country(world)
    stored = explain_incidents(world, project, D, NOW, {"PULSE_SMALLEST_BUCKET": "100"})[0]
    buckets = [e for e in stored.evidence if e.kind == "bucket"]
    assert buckets == []  # GB and UK held 97 members, below 100


def test_an_address_in_a_bucket_or_a_rule_never_gets_into_a_fact(world: World, project) -> None:
    world.run("update pulse_segments set rule_text = 'email = jane.doe@example.com' where segment_id = 'vip'")
    world.buckets("country", {"jane.doe@example.com": 400, "see https://evil.example/x": 600}, D)
    incident = world.incident(detector="distribution_shift", metric="distribution", attribute="country", direction="up")
    bundle = gather(world, incident, project)
    text = json.dumps([[e.statement, dict(e.values)] for e in bundle.evidence]) + bundle.case.rule_text
    assert "[address]" in text
    assert "[link]" in text
    assert "example" not in text


def test_an_apostrophe_in_a_name_stays_data(world: World, project) -> None:
    world.incident(incident_id="odd", owner="o'hara'; drop table incidents; --")
    incident = world.stored_incident("odd")
    assert gather(world, incident, project).gaps == ()
    assert world.query("select count(*) as n from pulse_incidents") == [{"n": 1}]


def test_a_failed_query_is_a_gap_and_not_evidence(world: World, project) -> None:
    world.run("drop table pulse_segment_flows")
    bundle = gather(world, headline_fault(world), project)
    assert len(bundle.gaps) == 1
    assert bundle.gaps[0].startswith("flows between segments: ")
    assert of(bundle, "flow") == []


def test_the_column_is_followed_up_to_its_source(world: World, project) -> None:
    bundle = gather(world, headline_fault(world), project, MANIFEST)
    assert [e.statement for e in of(bundle, "lineage")] == [
        "Column ltv is read from model dim_customers_daily (models/dim_customers_daily.sql).",
        "Above it, model stg_customers (models/stg_customers.sql) names ltv.",
        "Above it, source customers (models/_sources.yml) names ltv.",
    ]


def test_the_bucket_that_stopped_converting_is_counted_in_the_relation(world: World, project) -> None:
    bundle = gather(world, conversion_on_one_device(world), project, MANIFEST)
    assert [e.values for e in of(bundle, "conversion_bucket")] == [
        {
            "bucket": "ios",
            "attribute": "device",
            "events": 0,
            "usual_events": 40,
            "rest_events": 41,
            "usual_rest_events": 41,
        }
    ]


def test_without_a_manifest_the_relation_is_not_asked(world: World, project) -> None:
    bundle = gather(world, conversion_on_one_device(world), project)
    assert of(bundle, "conversion_bucket") == []
    assert bundle.gaps == ()


def test_a_slow_change_is_summed_over_its_days(world: World, project) -> None:
    for n in range(14):
        world.changes(
            ("lost", "leaf", "ltv > 1000", "ltv", 12), ("lost", "aged", "last_active_days <= 7", "last_active_at", 8),
            ("gained", "leaf", "last_active_days <= 7", "last_active_at", 10), day=D - timedelta(days=n),
        )  # fmt: skip
    incident = world.incident(started_on=D - timedelta(days=13), detected_on=D)
    bundle = gather(world, incident, project)
    worst = of(bundle, "cause")[0]
    assert (worst.values["members"], worst.values["usual_members"]) == (168, 28)
    assert bundle.case.before == D - timedelta(days=14)


def test_the_first_day_ever_has_no_before_and_no_failure(world: World, project) -> None:
    bundle = gather(world, world.incident(started_on=FIRST, detected_on=FIRST), project)
    assert bundle.gaps == ()
    assert bundle.case.before is None


def test_a_known_event_and_a_failed_run_are_told(world: World, project) -> None:
    world.insert("pulse_known_events", starts_on=D, ends_on=D, scope="all", scope_value="", reason="Ascension Day")
    world.insert("pulse_known_events", starts_on=D, ends_on=D, scope="segment", scope_value="whales", reason="not ours")
    world.insert("pulse_runs", run_id="r", stage="snapshot", from_date=D, to_date=D, outcome="failed")
    bundle = gather(world, world.incident(), project)
    assert [e.values["reason"] for e in of(bundle, "known_event")] == ["Ascension Day"]
    assert of(bundle, "run")[0].statement == "1 failed snapshot run of 2026-05-14 recorded."
