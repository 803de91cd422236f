from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from pulse_runner.alert.channels.base import Edge
from tests.python.alert.desk import Desk
from tests.python.alert.servers import Mailbox, Web, make_certificate, smtp_server, web_server
from tests.python.alert.store import Store

SENT_AT = datetime(2026, 5, 15, 6, 1, 2, tzinfo=UTC)
PASSWORD = "p4ss-w0rd/planted+secret"


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=0.5, trust_env=False) as client:
        yield client


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def edge(http: httpx.Client, said: list[str]) -> Edge:
    return Edge(http, said.append, lambda: SENT_AT, smtp_timeout=5)


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    made = make_certificate(tmp_path_factory.mktemp("tls"))
    if made is None:
        pytest.skip("openssl is not on the PATH: no certificate for the SMTP server of this test")
    return made


@pytest.fixture
def mailbox(certificate: tuple[Path, Path]) -> Iterator[Mailbox]:
    with smtp_server(*certificate, password=PASSWORD) as box:
        yield box


@pytest.fixture
def desk(store: Store, web: Web, http: httpx.Client) -> Desk:
    store.incident()
    store.explain()
    store.sizes("vip", [1000] * 10 + [580])
    return Desk(store, web, http)
