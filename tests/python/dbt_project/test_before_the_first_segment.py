"""What a project has of Pulse before its first segment: few nodes, and the empty tables that later rows go into."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plain_dbt import dbt

from pulse_runner.package import install_copy, project_files

# nothing reads or fills these before there is an entity
WITH_ENTITIES = {
    "pulse_reach_ladder",
    "pulse_column_profiles",
    "pulse_silences",
    "pulse_upstream_history",
    "pulse_investigations",
}


@pytest.mark.parametrize("adapter", ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_project_without_an_entity_has_at_most_fifteen_nodes_and_builds_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, adapter: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, text in project_files("audiences").items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    profile = f"pulse: {{target: x, outputs: {{x: {{type: duckdb, path: '{tmp_path}/x.duckdb'}}}}}}\n"
    if adapter == "postgres":
        profile = request.getfixturevalue("postgres_profile")
    (tmp_path / "profiles.yml").write_text(profile, encoding="utf-8")
    install_copy(tmp_path)
    for _ in range(2):
        done = dbt(tmp_path, "build")
        assert done.success, done.exception
    results = json.loads((tmp_path / "target/run_results.json").read_text(encoding="utf-8"))["results"]
    manifest = json.loads((tmp_path / "target/manifest.json").read_text(encoding="utf-8"))
    nodes = manifest["nodes"]
    assert len(nodes) == len(results) <= 15
    assert not manifest["unit_tests"]
    assert all(n["name"].startswith("pulse_") for n in nodes.values())
    tables = {p.stem for folder in ("snapshots", "incidents") for p in Path("models", folder).glob("*.sql")}
    assert {n["name"] for n in nodes.values()} == tables - WITH_ENTITIES | {"pulse_known_events"}
