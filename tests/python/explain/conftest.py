from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from explain_world import World, make_project, quiet_world


@pytest.fixture(scope="session")
def quiet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explain") / "quiet.duckdb"
    quiet_world(str(path)).close()
    return path


@pytest.fixture
def world(quiet_file: Path, tmp_path: Path) -> Iterator[World]:
    made = World(str(shutil.copy(quiet_file, tmp_path / "world.duckdb")))
    yield made
    made.close()


@pytest.fixture(scope="session")
def project():
    return make_project()
