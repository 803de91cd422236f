"""`pulse listen`: a real server process on loopback that carries out what is signed, once, and tells strangers nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import jsonschema
import pytest

from pulse_runner.alert.channels.n8n import signature
from pulse_runner.catch_up import last_run
from pulse_runner.errors import UsageError
from pulse_runner.incidents.store import events_of, find_incident
from pulse_runner.listen.guard import Bucket, objection
from pulse_runner.listen.request import BadRequestError, read_request, request_schema
from pulse_runner.listen.server import check_secret
from pulse_runner.warehouse.connection import connect
from tests.python.incidents.test_incident_numbers import opening, plant, root

__all__ = ["root"]

KEY = "pl4nted-listen-key-0123456789"
RUNS = (
    "run_id varchar, stage varchar, from_date date, to_date date, started_at timestamp, finished_at timestamp,"
    " seconds double precision, outcome varchar, counts varchar, message varchar"
)


class Server:
    """A running `pulse listen`, and how n8n speaks to it."""

    def __init__(self, root: Path, base: str) -> None:
        self.root, self.base, self.lines = root, base, list[str]()
        self.http = httpx.Client(timeout=60, trust_env=False)

    def ask(
        self, body: bytes | Mapping[str, Any], *, age: float = 0, key: str = KEY, sign: str | None = None
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = str(int(time.time() - age))
        signed = signature(key, stamp, raw.decode(errors="replace")) if sign is None else sign
        headers = {"X-Pulse-Timestamp": stamp, "X-Pulse-Signature": signed, "Content-Type": "application/json"}
        return self.http.post(f"{self.base}/webhook/drift", content=raw, headers=headers)

    def events(self, identity: str = "a1") -> list[tuple[str, str]]:
        warehouse = connect(self.root)
        try:
            return [(e.event, e.actor) for e in events_of(warehouse, identity) if e.actor != "pulse"]
        finally:
            warehouse.close()

    def status(self, identity: str) -> str:
        warehouse = connect(self.root)
        try:
            return find_incident(warehouse, identity).status
        finally:
            warehouse.close()


@contextmanager
def listening(root: Path, **env: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "pulse_runner", "--project-dir", str(root), "listen", "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PULSE_LISTEN_SECRET": KEY, "PYTHONPATH": os.pathsep.join(sys.path), **env},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        found = re.match(r"Listening on (http://127\.0\.0\.1:\d+)/webhook/drift", first)
        assert found, first + process.stdout.read()
        server = Server(root, found[1])
        reader = threading.Thread(target=lambda: server.lines.extend(process.stdout or ()), daemon=True)
        reader.start()
        yield server
    finally:
        process.kill()
        process.wait()
    reader.join(5)
    said = "".join(server.lines)
    assert "Traceback" not in said
    assert KEY not in said


@pytest.fixture
def project(root: Path) -> Path:
    opened: Any = connect(root)
    opened._execute(f"create table {opened.table('pulse_runs')} ({RUNS})", ())
    opened.close()
    plant(root, opening("a1"), opening("a2", group_key="g"), opening("a3", group_key="g"))
    return root


def asked(verb: str, number: int = 0, **more: Any) -> dict[str, Any]:
    given = {} if verb == "snapshot" else {"incidents": ["INC-1"]}
    return {"specversion": "1.0", "id": f"delivery-{verb}-{number}", "verb": verb, "by": "ana", **given, **more}


@pytest.mark.parametrize(
    "empty_schema",
    ["duckdb", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.matrix])],
    indirect=True,
)
def test_each_verb_is_carried_out_once_also_after_a_restart(project: Path) -> None:
    today = datetime.now(UTC).date()
    with listening(project) as server:
        assert server.http.get(f"{server.base}/health").json() == {"status": "ok"}
        first = server.ask(asked("acknowledge", note="looking"))
        assert (first.status_code, first.json()) == (
            200, {"id": "delivery-acknowledge-0", "done": ["INC-1: open -> acknowledged"], "repeated": False},
        )  # fmt: skip
        assert server.ask(asked("acknowledge", note="looking")).json()["repeated"] is True
        other = server.ask(asked("acknowledge", note="another"))
        assert (other.status_code, other.json()) == (409, {"error": "This id was used for another request."})
        both = server.ask(asked("ignore", incidents=["INC-2"], group=True, until="2999-01-01"))
        assert both.json()["done"] == [f"INC-{n}: open -> ignored until 2999-01-01" for n in (2, 3)]
        told = server.ask(asked("snapshot", date=today.isoformat())).json()["done"]
        assert told == [f"{today}: asked for; the next `pulse run --since-last-run` makes it again"]
    with listening(project) as server:
        assert server.ask(asked("acknowledge", note="looking")).json()["repeated"] is True
        assert server.ask(asked("resolve")).json()["done"] == ["INC-1: acknowledged -> resolved"]
        assert server.ask(asked("acknowledge", note="looking")).json()["repeated"] is True, "and stays resolved"
        assert server.status("a1") == "resolved"
        assert sorted(server.events()) == [("acknowledged", "ana (pulse listen)"), ("resolved", "ana (pulse listen)")]


@pytest.mark.parametrize("empty_schema", ["duckdb"], indirect=True)
def test_strangers_get_in_nowhere_and_learn_nothing(project: Path) -> None:
    with listening(project) as server:
        body = asked("resolve")
        for answer, why in (
            (server.ask(body, key="another-key-0123456789"), "the signature is wrong"),
            (server.ask(body, sign=""), "the signature is missing"),
            (server.ask(body, age=301), "the timestamp is more than 300 seconds from this server's clock"),
            (server.ask(body, age=-301), "the timestamp is more than 300 seconds from this server's clock"),
            (server.ask(b"\xff\xfe", sign="v1=00"), "the signature is wrong"),
        ):
            assert (answer.status_code, answer.json()) == (401, {"error": f"Not let in: {why}."})
        for content, said in (
            (b"{", "it is no JSON"),
            (json.dumps(asked("snooze", until="2999-01-01")).encode(), "verb: "),
            (json.dumps(body | {"verb": "__class__"}).encode(), "verb: "),
            (json.dumps(body | {"sql": KEY}).encode(), "there is a field that no request has"),
            (json.dumps(body | {"incidents": []}).encode(), "incidents are for acknowledge, resolve and ignore"),
            (json.dumps(body | {"incidents": ["' or 1=1 --"]}).encode(), "incidents.0: "),
            (json.dumps(body | {"id": "x"}).encode(), "id: "),
            (json.dumps(body | {"by": "a\nb"}).encode(), "by: "),
        ):
            answer = server.ask(content)
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"].startswith(f"This is no request: {said}"), answer.text
            assert KEY not in answer.text
        unknown = server.ask(asked("resolve", 9, incidents=["INC-99"]))
        assert (unknown.status_code, unknown.json()) == (422, {"error": "There is no incident 'INC-99'."})
        late = server.ask(asked("snapshot", 9, date="2020-01-01"))
        assert (late.status_code, "is not one of the last 14 days" in late.text) == (422, True)
        large = server.ask(asked("resolve", note="x" * 20_000))
        assert large.status_code == 413
        assert server.http.get(f"{server.base}/webhook/drift").headers["allow"] == "POST"
        assert server.http.post(f"{server.base}/health").status_code == 405
        for path in ("/", "/webhook/drift/../../etc/passwd", "/webhook", "/.env"):
            assert server.http.get(f"{server.base}{path}").status_code == 404
        assert server.status("a1") == "open"
        assert server.events() == []


@pytest.mark.parametrize("empty_schema", ["duckdb"], indirect=True)
def test_a_flood_of_strangers_is_turned_away_and_keeps_nobody_out(project: Path) -> None:
    with listening(project) as server:
        codes = [server.ask(asked("resolve"), sign="v1=00").status_code for _ in range(150)]
        assert set(codes) == {401, 429}
        assert server.ask(asked("acknowledge")).status_code == 200, "who has the key is let in"
        mistakes = [server.ask(asked("nothing")) for _ in range(150)]
        assert {m.status_code for m in mistakes} == {400, 429}
        turned_away = next(m for m in mistakes if m.status_code == 429)
        assert turned_away.json() == {"error": "Too many requests."}
        assert 1 <= int(turned_away.headers["retry-after"]) <= 2
        assert server.http.get(f"{server.base}/health").status_code == 200


@pytest.mark.parametrize(
    "empty_schema",
    ["duckdb", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.matrix])],
    indirect=True,
)
def test_the_same_request_many_times_at_once_is_carried_out_once(project: Path) -> None:
    with listening(project) as server:
        answers: list[httpx.Response] = []
        threads = [threading.Thread(target=lambda: answers.append(server.ask(asked("acknowledge")))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [a.status_code for a in answers] == [200] * 6
        assert sorted(a.json()["repeated"] for a in answers) == [False, *[True] * 5]
        assert server.events() == [("acknowledged", "ana (pulse listen)")]


@pytest.mark.parametrize("empty_schema", ["duckdb"], indirect=True)
def test_while_another_program_has_the_file_the_answer_is_to_come_again(project: Path) -> None:
    (file,) = project.rglob("*.duckdb")
    with listening(project) as server:
        with duckdb.connect(str(file)):
            busy = server.ask(asked("acknowledge"))
        assert (busy.status_code, busy.json()) == (503, {"error": "The warehouse is in use; try again."})
        assert busy.headers["retry-after"] == "30"
        assert server.ask(asked("acknowledge")).json()["repeated"] is False


@pytest.mark.parametrize("empty_schema", ["duckdb"], indirect=True)
def test_a_date_that_was_asked_for_is_made_again_by_the_next_run(project: Path) -> None:
    today = datetime.now(UTC).date()
    day = today - timedelta(days=2)

    def row(stage: str, on: date, hours: int) -> dict[str, object]:
        at = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(hours=hours)
        return {"run_id": f"{stage}{hours}", "stage": stage, "from_date": on, "to_date": on, "started_at": at, "finished_at": at,
                "seconds": 1.0, "outcome": "ok", "counts": "{}", "message": ""}  # fmt: skip

    def done() -> date | None:
        warehouse: Any = connect(project)
        warehouse.require_own = lambda *tables: None
        try:
            warehouse.replace("pulse_runs", ["run_id"], rows)
            return last_run(warehouse, today)
        finally:
            warehouse.close()

    rows = [row("detect", today, -1), row("alert", today, -1), row("snapshot", day, -1)]
    assert done() == today
    with listening(project) as server:
        assert server.ask(asked("snapshot", date=day.isoformat())).status_code == 200
    assert done() == day - timedelta(days=1)
    rows = [row("snapshot", day, 1)]
    assert done() == today, "it was made since"


def test_the_schema_says_what_is_let_through() -> None:
    schema = request_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = asked("ignore", until="2999-01-01")
    jsonschema.validate(good, schema)
    assert read_request(json.dumps(good).encode()).until == date(2999, 1, 1)
    for bad in (good | {"verb": "reopen"}, good | {"more": 1}, {k: v for k, v in good.items() if k != "by"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
        with pytest.raises(BadRequestError):
            read_request(json.dumps(bad).encode())


def test_a_secret_that_is_missing_or_short_is_refused_at_the_start() -> None:
    for secret, said in (("", "is not set"), ("short", "has fewer than 16 characters")):
        with pytest.raises(UsageError, match=f"PULSE_LISTEN_SECRET {said}"):
            check_secret(secret)


def test_an_event_that_pulse_sends_is_no_request() -> None:
    event = {"specversion": "1.0", "type": "pulse.incident.opened", "id": "pulse-8992f91f", "source": "pulse"}
    with pytest.raises(BadRequestError):
        read_request(json.dumps(event).encode())


def test_a_stamp_that_is_no_number_is_refused() -> None:
    for stamp in ("1e3", "-1000", "١٠٠٠", " 1000"):
        sent = signature(KEY, stamp, "{}")
        assert objection(KEY, stamp, sent, b"{}", 1000.0).startswith("the timestamp")
    assert objection(KEY, "1000", signature(KEY, "1000", "{}"), b"{}", 1000.0) == ""


def test_a_bucket_fills_with_time() -> None:
    now = [0.0]
    bucket = Bucket(2, 60, lambda: now[0])
    assert [bucket.wait() for _ in range(3)] == [0.0, 0.0, 1.0]
    now[0] = 1.0
    assert [bucket.wait(), bucket.wait()] == [0.0, 1.0]
