"""A small world for reports: tables of drawn numbers with hostile names, and the page that is made of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3]))

from browser import MISSING, Tab, browser, chromium
from hostile_names import NAMES

from benchmarks.report import make_world, page_of

DAYS = 40


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a project of twelve segments; the incidents are of the first and the eleventh."""
    root = tmp_path_factory.mktemp("report") / "world"
    make_world(root, 12, DAYS, NAMES, rows=2000)
    return root


@pytest.fixture(scope="session")
def page(world: Path) -> Path:
    """Write the page of the world."""
    path = world / "target" / "report.html"
    path.write_text(page_of(world, DAYS), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def shown() -> Iterator[Tab]:
    """Give a tab of a real Chromium."""
    if not chromium():
        pytest.skip(MISSING)
    with browser() as tab:
        yield tab
