"""Every fact is a row of the SQL that is stored beside it, and nothing but aggregates gets in."""

from __future__ import annotations

import json
import random
import re
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest
from cause_case import MANIFEST, PLANTS
from cause_cases import restated_events
from cause_cases.recoded import recoded_country
from cause_cases.tracking_loss import conversion_on_one_device
from explain_world import FIRST, NOW, D, World, headline_fault

from pulse_runner.explain.agent.claims import Claim
from pulse_runner.explain.agent.facts import known_of
from pulse_runner.explain.agent.reading import numbers_in, split_days, without_quoted
from pulse_runner.explain.consistency import contradictions
from pulse_runner.explain.evidence.collector import hidden, plain, told_parts
from pulse_runner.explain.evidence.gather import Bundle, gather
from pulse_runner.explain.explanation import Evidence
from pulse_runner.explain.stage import explain_incidents


def of(bundle: Bundle, kind: str) -> list[Evidence]:
    return [e for e in bundle.evidence if e.kind == kind]


def is_row_of(fact: Evidence, row: dict, k: int) -> bool:
    """Say whether a row of the re-run SQL has every value of the fact, small numbers of people hidden."""
    return all(v in (plain(row[c]), hidden(plain(row[c]), k)) or is_bound(v, row[c]) for c, v in fact.values.items())


def is_bound(told: object, real: object) -> bool:
    """Say whether `>570` is told of a number that it is true of."""
    return isinstance(told, str) and told.startswith(">") and isinstance(real, int | float) and float(told[1:]) < real


def test_what_a_known_total_leaves_over_is_never_a_few_people() -> None:
    drawn = random.Random(10)
    for _ in range(5000):
        k = drawn.choice([2, 5, 10])
        parts = [drawn.choice([0, 1, 2, 3, 4, 7, 30, 578]) for _ in range(drawn.randint(1, 6))]
        told = told_parts(parts, k)
        exact = [t for t in told if isinstance(t, int)]
        least = [int(t[1:]) + 1 if str(t).startswith(">") else 1 for t in told if isinstance(t, str)]
        rest = sum(parts) - sum(exact)
        assert [p for p, t in zip(parts, told, strict=True) if t == p and 0 < p < k] == []
        if least and any(p >= k for p in parts):
            assert len(least) > 1, (parts, told)
            assert rest >= k, (parts, told)
            if bounds := [int(t[1:]) for t in told if str(t).startswith(">")]:
                assert rest - sum(bounds) >= k, (parts, told)


def test_who_came_and_went_is_not_told_by_the_change(world: World, project) -> None:
    world.resize(580)
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 422), ("gained", "new", "", "", 2))
    bundle = gather(world, world.incident(), project)
    balance = next(e for e in bundle.evidence if e.kind == "balance")
    assert balance.statement == ("On 2026-05-14 vip gained <5 and lost more than 410 members, a change of -420.")
    assert (balance.values["gained"], balance.values["lost"], balance.values["net"]) == ("<5", ">410", -420)


@pytest.mark.parametrize("plant", PLANTS)
def test_each_fact_is_a_row_of_its_own_sql_run_as_pasted(world: World, project, plant) -> None:
    bundle = gather(world, plant(world), project, MANIFEST)
    assert bundle.gaps == ()
    assert [e.id for e in bundle.evidence] == [f"E{n}" for n in range(1, len(bundle.evidence) + 1)]
    with_sql = [e for e in bundle.evidence if e.sql]
    assert len(with_sql) >= 2
    for fact in with_sql:
        rows = world.query(fact.sql)
        assert any(is_row_of(fact, row, 5) for row in rows), fact
    assert {e.source for e in bundle.evidence if not e.sql} <= {"target/manifest.json", "pulse_upstream_history"}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_fact_says_the_numbers_that_it_holds(world: World, project, plant) -> None:
    bundle = gather(world, plant(world), project, MANIFEST)
    for fact in bundle.evidence:
        held = known_of(bundle.case, [replace(fact, statement="")]).facts
        # only what is said about the facts' own dates and thresholds is not among its values
        said = re.sub("`[^`]*`", "", fact.statement) if fact.kind in ("lineage", "model_changed") else fact.statement
        said = said.replace("10 % or more", "").replace("<5", "")  # SQL has words that are quantities elsewhere
        said = re.sub("'[^']*'", "", said)  # nor are those of a value
        said, _ = split_days(without_quoted(said, [fact.statement]))
        missing = [n.written for n in numbers_in(said) if not any(Claim(n).has_value(f) for f in held)]
        assert missing == [], fact.statement


@pytest.mark.parametrize("plant", [headline_fault, restated_events.deleted_events, restated_events.hardly_restated])
def test_the_counts_that_facts_state_add_up(world: World, project, plant) -> None:
    assert contradictions(gather(world, plant(world), project, MANIFEST).evidence) == []


def test_counts_that_do_not_add_up_are_seen(world: World, project) -> None:
    incident = headline_fault(world)
    world.resize(715)
    assert len(contradictions(gather(world, incident, project, MANIFEST).evidence)) == 1


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


def test_the_column_is_followed_up_to_its_source_with_the_expression(world: World, project) -> None:
    bundle = gather(world, headline_fault(world), project, MANIFEST)
    assert [e.statement for e in of(bundle, "lineage")] == [
        "Column ltv comes from ltv of model dim_customers_daily (models/dim_customers_daily.sql).",
        "Column ltv comes from ltv of model stg_customers (models/stg_customers.sql), 1 step above it, which is `CAST(LTV AS DOUBLE)`.",
        "Column ltv comes from ltv of source raw.customers (models/_sources.yml), 2 steps above it.",
    ]


def test_where_a_model_cannot_be_read_the_models_above_are_named_as_possible(world: World, project) -> None:
    unread = deepcopy(MANIFEST)
    unread["nodes"]["model.shop.dim_customers_daily"]["raw_code"] = "{{ everything() }}"
    bundle = gather(world, headline_fault(world), project, unread)
    assert [e.statement for e in of(bundle, "lineage")] == [
        "Column ltv comes from ltv of model dim_customers_daily (models/dim_customers_daily.sql). What feeds it there is not"
        " known: dbt has not compiled it (`dbt compile` does).",
        "3 more nodes above may feed ltv: stg_customers, stg_orders, customers.",
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


def test_a_metric_is_called_as_everywhere_else(world: World, project) -> None:
    world.insert(
        "pulse_findings", segment_id="vip", snapshot_date=D, detector="size_jump", metric="entered", attribute="", bucket="",
        verdict="finding", observed=30.0, expected=10.0,
    )  # fmt: skip
    bundle = gather(world, world.incident(metric="entered", direction="up"), project)
    assert of(bundle, "finding")[0].statement == "Members entered of vip on 2026-05-14 is 30; 10 expected."
    assert of(bundle, "change")[0].statement.startswith("vip has 10 members entered on 2026-05-14, 10 on 2026-05-13")
