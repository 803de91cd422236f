"""n8n (or any program) as a signed JSON event; the receiver can check who sent it and drop what it has seen."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Literal

from pulse_runner.alert.channels.base import (
    Edge,
    Env,
    Frozen,
    Outgoing,
    RefusedError,
    Sent,
    Setup,
    Webhook,
    post,
    secret,
    web_setup,
)
from pulse_runner.alert.message import AlertMessage, utc_text
from pulse_runner.errors import ChannelError
from pulse_runner.segments.strict import Variable

SPEC_VERSION = "1.0"
MAX_RELATED = 100
MAX_IN_DIGEST = 5_000
HINTS = {
    403: "the token in {token} is not the one that the webhook's Header Auth expects",
    404: "the workflow is not published, or the URL is its test URL",
}


class N8nSettings(Webhook):
    """An n8n webhook; the body is signed with the secret, the token is sent as a header."""

    channel: Literal["n8n"]
    secret_env: Variable | None = None
    token_env: Variable | None = None


class N8n:
    """Post an event to the webhook in `url_env`, with a token and a signature where their variables are named."""

    name = "n8n"
    variables = ("PULSE_N8N_URL", "PULSE_N8N_SECRET", "PULSE_N8N_TOKEN")
    settings = N8nSettings

    def setup(self, settings: N8nSettings, env: Env) -> Setup:
        """Say whether the URL and the secrets that the route names are set."""
        web = web_setup(settings, env, plain_http=True)  # n8n often runs beside Pulse, in a private network
        names = [settings.secret_env, settings.token_env]
        missing = (*web.missing, *(n for n in names if n and not secret(env, n)))
        token = secret(env, settings.token_env)
        bad = (
            ""
            if token.isascii() and token.isprintable()
            else f"{settings.token_env} holds characters that no header may have"
        )
        return Setup(missing, web.problem or bad)

    def is_idempotent(self, env: Env) -> bool:
        """Return True: the receiver sees the same X-Pulse-Delivery at every attempt."""
        return True

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return the event as JSON."""
        first, *others = message.facts or ({},)
        most = MAX_IN_DIGEST if message.kind == "digest" else MAX_RELATED  # a digest says a line of each
        event: dict[str, Any] = {
            "specversion": SPEC_VERSION,
            "type": f"pulse.{'' if message.kind in ('test', 'digest') else 'incident.'}{message.kind}",
            "id": key,
            "source": "pulse",
            "time": utc_text(message.at),
            "snapshot_date": message.day.isoformat(),
            "severity": message.severity,
            "headline": message.headline,
            "incident": first,
            "related": others[:most],
            "report_url": message.report_url,
            "thread": message.thread.key or key,
            "related_left_out": max(len(others) - most, 0),
        }
        return Frozen(message.subject, json.dumps(event, ensure_ascii=False, default=str, separators=(",", ":")))

    def repeated(self, body: str) -> str:
        """Return the body as it is: a repeat does no harm here."""
        return body

    def send(self, outgoing: Outgoing, settings: N8nSettings, env: Env, edge: Edge) -> Sent:
        """Post the event with its delivery id, its time and its signature."""
        url = secret(env, settings.url_env)
        key, token = secret(env, settings.secret_env), secret(env, settings.token_env)
        stamp = str(int(edge.now().timestamp()))
        headers = {"X-Pulse-Delivery": outgoing.key, "X-Pulse-Timestamp": stamp}
        if token:
            headers["X-Pulse-Token"] = token
        if key:
            headers["X-Pulse-Signature"] = signature(key, stamp, outgoing.body)
        try:
            post(edge, url, outgoing, headers, who="n8n", idempotent=True)
        except RefusedError as error:
            failure = _with_hint(error, settings.token_env or "token_env")
        else:
            return Sent()
        raise failure


def signature(key: str, stamp: str, body: str) -> str:
    """Return `v1=` and the HMAC-SHA256 (RFC 2104) of `<timestamp>.<body>` in hex."""
    return "v1=" + hmac.new(key.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()


def _with_hint(error: RefusedError, token: str) -> ChannelError:
    if error.status not in HINTS:
        return error
    text = f"{error}. Perhaps {HINTS[error.status].format(token=token)}."
    return ChannelError(text, retryable=error.retryable, retry_after=error.retry_after)
