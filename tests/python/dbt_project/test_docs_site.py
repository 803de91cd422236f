"""The docs page that `dbt docs generate` makes: everything is described, and lineage runs from the entity to the marts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from plain_dbt import Built, dbt


@pytest.fixture(scope="module")
def site(built: Built) -> dict[str, Any]:
    done = dbt(built.root, "docs", "generate")
    assert done.success, done.exception
    read = {
        n: json.loads((built.root / f"target/{n}.json").read_text(encoding="utf-8")) for n in ("manifest", "catalog")
    }
    read["models"] = {n["name"]: n for n in read["manifest"]["nodes"].values() if n["resource_type"] == "model"}
    return read


def ancestors(site: Mapping[str, Any], name: str) -> set[str]:
    """Return the names of all models and seeds above a model."""
    manifest = site["manifest"]
    found: set[str] = set()
    todo = [site["models"][name]["unique_id"]]
    while todo:
        for parent in manifest["parent_map"][todo.pop()]:
            if parent not in found:
                found.add(parent)
                todo.append(parent)
    return {identity.split(".")[2] for identity in found}


def test_every_model_says_what_one_row_is(site: dict[str, Any]) -> None:
    assert len(site["models"]) > 30
    without = {name for name, m in site["models"].items() if "One row per " not in m["description"]}
    assert without == set()


def test_every_column_that_the_warehouse_has_is_described(site: dict[str, Any]) -> None:
    nodes = site["catalog"]["nodes"]
    missing = {}
    for name, model in site["models"].items():
        described = {c.lower() for c, about in model["columns"].items() if about["description"].strip()}
        there = {c.lower() for c in nodes[model["unique_id"]]["columns"]}
        assert there, name
        if there - described or described - there:
            missing[name] = (there - described, described - there)
    assert missing == {}


def test_lineage_runs_from_the_entity_over_the_snapshots_to_incidents_and_marts(site: dict[str, Any]) -> None:
    line = ["dim_customers_daily", "pulse_customers__facts", "pulse_segment_facts", "pulse_segment_snapshots", "pulse_findings", "pulse_incidents", "pulse_incident_explanations", "pulse_open_incidents", "pulse_segment_health"]  # fmt: skip
    for place, name in enumerate(line):
        assert set(line[:place]) <= ancestors(site, name), name
    read_by_the_detectors = {
        "pulse_segment_snapshots",
        "pulse_segment_distributions",
        "pulse_segment_reach",
        "pulse_entity_health",
    }
    assert read_by_the_detectors <= ancestors(site, "pulse_findings")
    for table in ("pulse_alert_deliveries", "pulse_incident_events"):
        assert "pulse_incidents" in ancestors(site, table)


def test_a_segment_is_a_page_with_its_rule_owner_and_entity(site: dict[str, Any]) -> None:
    model = site["models"]["seg_high_value_active_users"]
    assert model["description"] == (
        "High-Value Active Users: Customers worth more than 1000 who were seen in the last week.\n\n"
        "One row per customer_id of customers that is a member now.\n\n"
        "Rule: `ltv > 1000 and last_active_days <= 7`. Owner: growth-team."
    )
    assert model["config"]["meta"]["owner"] == "growth-team"
    assert ancestors(site, "seg_high_value_active_users") >= {"dim_customers_daily"}


def test_the_overview_leads_from_each_audience_to_its_meaning_owner_and_page(site: dict[str, Any]) -> None:
    docs = site["manifest"]["docs"].values()
    pages = {d["name"]: d["block_contents"] for d in docs if d["package_name"] == "demo_shop"}
    lines = [line for line in pages["__overview__"].splitlines() if "model.demo_shop.seg_" in line]
    segments = [m for name, m in site["models"].items() if name.startswith("seg_")]
    assert len(lines) == len(segments) == 9
    for model in segments:
        label, _, meaning = model["description"].split("\n")[0].partition(": ")
        line = f"| [{label}](#!/model/{model['unique_id']}) | {meaning} | {model['config']['meta']['owner']} |"
        assert line in lines
    linked = set(re.findall(r"#!/model/([\w.]+)", pages["__overview__"]))
    assert linked <= {m["unique_id"] for m in site["models"].values()}


def test_the_package_tells_strangers_how_to_read_its_pages_and_leaves_their_own_overview_alone(
    site: dict[str, Any],
) -> None:
    from_pulse = {
        d["name"]: d["block_contents"] for d in site["manifest"]["docs"].values() if d["package_name"] == "pulse"
    }
    assert "__overview__" not in from_pulse
    named = set(re.findall(r"`(pulse_\w+)`", from_pulse["__pulse__"]))
    assert len(named) == 4
    assert named <= set(site["models"])
