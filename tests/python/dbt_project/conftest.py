"""The project itself, in a folder of its own, as `dbt build` alone makes it: three days of the demo shop on each warehouse."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from plain_dbt import Built, build_days, copy_project


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    root = copy_project(tmp_path_factory.mktemp("project"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(root / "home"))
        patch.delenv("DBT_PROFILES_DIR", raising=False)
        if request.param == "postgres":
            server = request.getfixturevalue("postgres_server")
            (root / "profiles.yml").write_text(
                "pulse:\n  target: postgres\n  outputs:\n    postgres:\n      type: postgres\n"
                f"      host: {server}\n      port: 5432\n      user: postgres\n      password: ''\n      dbname: postgres\n"
                f"      schema: pulse_{uuid4().hex[:12]}\n      threads: 2\n",
                encoding="utf-8",
            )
        yield build_days(root)


@pytest.fixture
def plain_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the project that nothing was built in, on the embedded DuckDB file."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    root = tmp_path / "project"
    root.mkdir()
    return copy_project(root)
