"""A copy of the project in which nothing was built."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_dbt import copy_project


@pytest.fixture
def plain_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the project that nothing was built in, on the embedded DuckDB file."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    root = tmp_path / "project"
    root.mkdir()
    return copy_project(root)
