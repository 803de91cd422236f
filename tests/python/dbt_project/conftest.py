"""The project itself, in a folder of its own, as `dbt build` alone makes it: three days of the demo shop on each warehouse."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from plain_dbt import Built, build_days, copy_project


@pytest.fixture(scope="session", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = copy_project(tmp_path_factory.mktemp("project"))
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        output = f"type: postgres, host: {server}, port: 5432, user: postgres, password: '', dbname: postgres, schema: pulse_{uuid4().hex[:12]}"
    else:
        output = f"type: duckdb, path: {str(root / 'pulse.duckdb')!r}"
    (root / "profiles.yml").write_text(
        f"pulse:\n  target: test\n  outputs:\n    test: {{{output}, threads: 2}}\n", encoding="utf-8"
    )
    return build_days(root)


@pytest.fixture
def plain_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the project that nothing was built in, on the embedded DuckDB file."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    root = tmp_path / "project"
    root.mkdir()
    return copy_project(root)
