"""The demo shop for tests: as seeds read by the oracle, and built by dbt in a project of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "demo" / "generator"))

from shop_oracle import Shop, read_shop

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def shop() -> Shop:
    return read_shop(ROOT / "demo" / "seeds")
