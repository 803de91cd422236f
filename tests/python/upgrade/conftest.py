"""A project of today over the tables of version 0.1.0, on DuckDB and on a real Postgres."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from landed_world import World


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give the project; the old tables stand in the target's schema, and `load` makes them."""
    root = tmp_path / "audiences"
    root.mkdir()
    if request.param == "postgres":
        profile = request.getfixturevalue("postgres_profile")
        schema = re.search(r"schema: (\w+)", profile)
        assert schema
        world = World(root, monkeypatch, profile, schema[1])
        world.sql("drop schema if exists shop cascade")  # the server is shared by the tests of a worker
        return world
    profile = f"pulse:\n  target: t\n  outputs:\n    t: {{type: duckdb, path: {root}/pulse.duckdb, threads: 2}}\n"
    return World(root, monkeypatch, profile, "main")


@pytest.hookimpl(tryfirst=True)  # `-m` is looked at in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On Postgres every row is compared in each run of the tests; what stays, and each way to fail, is of the matrix."""
    for item in items:
        if item.path.name == "test_what_stays.py" and item.get_closest_marker("postgres"):
            item.add_marker(pytest.mark.matrix)
