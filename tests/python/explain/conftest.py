from __future__ import annotations

from collections.abc import Iterator

import pytest

from explain_world import World, make_project, quiet_world


@pytest.fixture
def world() -> Iterator[World]:
    made = quiet_world()
    yield made
    made.close()


@pytest.fixture(scope="session")
def project():
    return make_project()
