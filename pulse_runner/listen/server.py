"""The server: POST /webhook/drift and GET /health over WSGI, served by waitress. An answer never holds a stack trace or a secret."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pulse_runner.errors import BusyError, PulseError, UsageError
from pulse_runner.listen.act import OtherRequestError, carry_out
from pulse_runner.listen.guard import SHORTEST_SECRET, Bucket, objection
from pulse_runner.listen.request import BadRequestError, read_request
from pulse_runner.scrub import scrub
from pulse_runner.warehouse.base import Warehouse

PATH = "/webhook/drift"
MAX_BODY = 16_384  # bytes
GOOD_PER_MINUTE, BAD_PER_MINUTE, AT_ONCE = 60, 30, 30
PATIENCE = 20.0  # seconds that a request waits for the one before it
REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    413: "Content Too Large", 422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip
Start = Callable[[str, list[tuple[str, str]]], Any]


@dataclass(frozen=True)
class Answer:
    """A status, what the body says, and after how many seconds another try makes sense."""

    status: int
    body: Mapping[str, Any]
    retry_after: int | None = None
    allow: str = ""


@dataclass
class Listener:
    """The application. One request is carried out at a time: the warehouse may let in one process, and one connection of it."""

    secret: str
    open_warehouse: Callable[[], AbstractContextManager[Warehouse]]
    today: Callable[[], date]
    say: Callable[[str], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    good: Bucket = field(default_factory=lambda: Bucket(AT_ONCE, GOOD_PER_MINUTE, time.monotonic))
    bad: Bucket = field(default_factory=lambda: Bucket(AT_ONCE, BAD_PER_MINUTE, time.monotonic))
    turn: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Mapping[str, Any], start: Start) -> Iterable[bytes]:
        """Answer a request of WSGI."""
        try:
            answer = self._answer(environ)
        except Exception as error:  # whatever it is, the one who asks learns nothing of it
            self.say(f"{type(error).__name__} while a request was answered.")
            answer = Answer(500, {"error": "Pulse failed; its log says more."})
        text = json.dumps(answer.body, ensure_ascii=False).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(text))),
            ("Cache-Control", "no-store"),
        ]
        if answer.retry_after is not None:
            headers.append(("Retry-After", str(answer.retry_after)))
        if answer.allow:
            headers.append(("Allow", answer.allow))
        start(f"{answer.status} {REASONS[answer.status]}", headers)
        return [text]

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == "/health":
            return Answer(200, {"status": "ok"}) if method == "GET" else _not_allowed("GET")
        if path != PATH:
            return Answer(404, {"error": "There is nothing here."})
        if method != "POST":
            return _not_allowed("POST")
        return self._request(environ)

    def _request(self, environ: Mapping[str, Any]) -> Answer:
        body: bytes = environ["wsgi.input"].read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            return Answer(413, {"error": f"A request has at most {MAX_BODY} bytes."})
        stamp, given = environ.get("HTTP_X_PULSE_TIMESTAMP", ""), environ.get("HTTP_X_PULSE_SIGNATURE", "")
        why = objection(self.secret, stamp, given, body, self.now().timestamp())
        # two buckets: who has no key cannot keep out who has it
        wait = (self.bad if why else self.good).wait()
        if wait:
            return Answer(429, {"error": "Too many requests."}, retry_after=int(wait) + 1)
        if why:
            return Answer(401, {"error": f"Not let in: {why}."})
        return self._carry_out(body)

    def _carry_out(self, body: bytes) -> Answer:
        try:
            request = read_request(body)
        except BadRequestError as error:
            return Answer(400, {"error": f"This is no request: {error}."})
        busy = Answer(503, {"error": "The warehouse is in use; try again."}, retry_after=30)
        if not self.turn.acquire(timeout=PATIENCE):
            return busy
        try:
            with self.open_warehouse() as warehouse:
                done = carry_out(warehouse, request, self.today(), self.now())
        except BusyError:
            return busy
        except OtherRequestError:
            return Answer(409, {"error": "This id was used for another request."})
        except UsageError as error:
            return Answer(422, {"error": scrub(error.what, 300)})
        except PulseError as error:
            self.say(f"{request.verb} failed: {scrub(error.what, 300)}")
            return Answer(503, {"error": "The warehouse could not be used; the log of pulse listen says more."}, 60)
        finally:
            self.turn.release()
        self.say(f"{request.verb} by {request.by}{' (a repeat)' if done.is_repeat else ''}: {'; '.join(done.lines)}")
        return Answer(200, {"id": request.id, "done": list(done.lines), "repeated": done.is_repeat})


def _not_allowed(allow: str) -> Answer:
    return Answer(405, {"error": f"Only {allow} is answered here."}, allow=allow)


def check_secret(secret: str) -> str:
    """Return the secret; raise UsageError when it is not set or short enough to be guessed."""
    if len(secret) < SHORTEST_SECRET:
        what = (
            f"PULSE_LISTEN_SECRET has fewer than {SHORTEST_SECRET} characters"
            if secret
            else "PULSE_LISTEN_SECRET is not set"
        )
        raise UsageError(f"{what}.", "Make one with `openssl rand -hex 32`, and give it to who signs requests.")
    return secret


def serve(listener: Listener, host: str, port: int) -> None:
    """Serve until Ctrl-C; raise UsageError when the extra is not installed or the address cannot be had."""
    try:
        from waitress.server import create_server
    except ImportError:
        raise UsageError(
            "`pulse listen` needs the package waitress, which is not installed.",
            "Install it: `pip install 'pulse-runner[listen]'`.",
        ) from None
    logging.getLogger("waitress").setLevel(logging.CRITICAL)  # it would log what strangers send
    try:
        server = create_server(
            listener, host=host, port=port, threads=4, connection_limit=50, channel_timeout=20, backlog=64, ident=None,
            max_request_body_size=MAX_BODY, max_request_header_size=8_192, expose_tracebacks=False, clear_untrusted_proxy_headers=True,
        )  # fmt: skip
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be listened on: {error.strerror}.", "Give another --port.") from None
    listener.say(f"Listening on http://{server.effective_host}:{server.effective_port}{PATH}; Ctrl-C ends it.")
    server.run()
