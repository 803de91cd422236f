"""Who reads the suspected column: segments with what moved there, and exposures of others behind them."""

from __future__ import annotations

from typing import Any

from cause_case import MANIFEST
from cause_cases.upstream_node import failed_model
from explain_world import World, headline_fault

from pulse_runner.explain.evidence.gather import Bundle, gather

VIEW = "model.shop.seg_{}"


def exposure(name: str, *nodes: str, owner: str = "") -> dict[str, Any]:
    return {"name": name, "type": "application", "owner": {"name": owner}, "depends_on": {"nodes": list(nodes)}}


EXPOSURES = [
    exposure("pulse_vip", VIEW.format("vip"), "model.pulse.pulse_segment_snapshots"),
    exposure("pulse_germans", VIEW.format("germans"), "model.pulse.pulse_segment_snapshots"),
    exposure("braze_sync", "model.shop.sync", owner="crm-team"),
    exposure("german_letter", VIEW.format("germans")),
    exposure("dashboard", "model.shop.dim_customers_daily"),
]
NODES = {
    VIEW.format("vip"): {"name": "seg_vip", "resource_type": "model", "depends_on": {"nodes": ["model.shop.dim_customers_daily"]}},
    VIEW.format("germans"): {"name": "seg_germans", "resource_type": "model", "depends_on": {"nodes": ["model.shop.dim_customers_daily"]}},
    "model.shop.sync": {"name": "sync", "resource_type": "model", "depends_on": {"nodes": [VIEW.format("vip")]}},
}  # fmt: skip
WITH_EXPOSURES = {
    **MANIFEST,
    "nodes": {i: {**n, "unique_id": i} for i, n in {**MANIFEST["nodes"], **NODES}.items()},
    "exposures": {f"exposure.shop.{e['name']}": e for e in EXPOSURES},
}


def said(bundle: Bundle, kind: str) -> list[str]:
    return [e.statement for e in bundle.evidence if e.kind == kind]


def test_the_readers_of_the_column_are_told_with_what_moved_and_the_others_are_not(world: World, project) -> None:
    headline_fault(world)
    world.incident(incident_id="inc2", segment_id="whales")
    bundle = gather(world, world.stored_incident(), project, WITH_EXPOSURES)
    assert said(bundle, "reader") == [
        "whales reads ltv too and fell from 300 to 170 members between 2026-05-13 and 2026-05-14; it has an incident too."
    ]


def test_exposures_behind_the_readers_are_told_and_those_of_other_segments_are_not(world: World, project) -> None:
    bundle = gather(world, headline_fault(world), project, WITH_EXPOSURES)
    assert said(bundle, "exposure") == [
        "Exposure braze_sync (application of crm-team) reads vip, which comes from ltv.",
        "Exposure dashboard (application) reads dim_customers_daily, which comes from ltv.",
    ]


def test_of_a_failed_node_every_segment_of_the_entity_is_in_the_radius(world: World, project) -> None:
    bundle = gather(world, failed_model(world), project, WITH_EXPOSURES)
    assert "4 segments of customers cannot be seen because of it." in said(bundle, "node")[0]
    assert [text.split()[1] for text in said(bundle, "exposure")] == ["braze_sync", "dashboard", "german_letter"]


def test_where_nothing_is_suspected_nobody_is_told(world: World, project) -> None:
    bundle = gather(world, world.incident(), project, WITH_EXPOSURES)
    assert said(bundle, "reader") + said(bundle, "exposure") == []
