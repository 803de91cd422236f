"""PagerDuty by its Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview): trigger, acknowledge, resolve.

All messages of one conversation have one dedup key, the key of the first: so PagerDuty keeps them in one incident.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pulse_runner.alert.channels.base import Edge, Env, Frozen, Outgoing, Sent, Setup, post, secret, url_problem
from pulse_runner.alert.message import AlertMessage, MessageKind, Section, clip, marks, smaller, utc_text
from pulse_runner.errors import ChannelError
from pulse_runner.segments.strict import ChannelSettings, Variable
from pulse_runner.vocabulary import Severity

EVENTS = "https://events.pagerduty.com"
MAX_SUMMARY = 1024
MAX_KEY = 255
MAX_BYTES = 60_000  # PagerDuty takes 512 KB; nobody reads so much on a phone
ACTIONS: dict[MessageKind, Literal["acknowledge", "resolve"]] = {"acknowledged": "acknowledge", "resolved": "resolve"}
SEVERITIES: dict[Severity, str] = {"low": "info", "medium": "warning", "high": "error", "critical": "critical"}
# what the API says in the field `status` of a refusal
CODES = frozenset({"invalid_event", "invalid_routing_key", "throttle_exceeded"})


class PagerDutySettings(ChannelSettings):
    """A service of PagerDuty with an Events API v2 integration."""

    channel: Literal["pagerduty"]
    key_env: Variable

    @property
    def address(self) -> str:
        """Return the name of the variable."""
        return self.key_env


class PagerDuty:
    """Send events with the integration key in the variable that `key_env` names."""

    name = "pagerduty"
    variables = ("PULSE_PAGERDUTY_KEY", "PULSE_PAGERDUTY_URL")
    settings = PagerDutySettings

    def setup(self, settings: PagerDutySettings, env: Env) -> Setup:
        """Say whether the key is set, and the address, where another one is given, is one."""
        key, base = secret(env, settings.key_env), secret(env, "PULSE_PAGERDUTY_URL")
        if not key:
            return Setup(missing=(settings.key_env,))
        if not key.isascii() or not key.isprintable():
            return Setup(problem=f"{settings.key_env} holds characters that no integration key has")
        return Setup(problem=url_problem("PULSE_PAGERDUTY_URL", base) if base else "")

    def is_idempotent(self, env: Env) -> bool:
        """Return True: a repeated event of a dedup key changes nothing."""
        return True

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return the event as JSON, without the integration key."""
        body = ""
        for version in smaller(message):
            body = json.dumps(event(version, key), ensure_ascii=False, default=str)
            if len(body.encode()) <= MAX_BYTES:
                break
        return Frozen(message.subject, body)

    def repeated(self, body: str) -> str:
        """Return the body as it is: a repeat does no harm here."""
        return body

    def send(self, outgoing: Outgoing, settings: PagerDutySettings, env: Env, edge: Edge) -> Sent:
        """Post the event; PagerDuty answers 202 when it has taken it."""
        url = (secret(env, "PULSE_PAGERDUTY_URL") or EVENTS).rstrip("/") + "/v2/enqueue"
        payload = {"routing_key": secret(env, settings.key_env), **json.loads(outgoing.body)}
        whole = Outgoing(outgoing.key, outgoing.subject, json.dumps(payload, ensure_ascii=False))
        response = post(edge, url, whole, {}, who="PagerDuty", idempotent=True, codes=CODES)
        if response.status_code != 202:
            raise ChannelError(
                f"The address answered {response.status_code} but not as PagerDuty does; is a proxy in between?",
                retryable=False,
            )
        return Sent()


def event(message: AlertMessage, key: str) -> dict[str, Any]:
    """Return the event of a message: only a trigger says what happened, the others name what they are about."""
    action = ACTIONS.get(message.kind, "trigger")
    out: dict[str, Any] = {"event_action": action, "dedup_key": (message.thread.key or key)[:MAX_KEY]}
    if action != "trigger":
        return out
    first = message.facts[0] if message.facts else {}
    payload = {
        "summary": clip(message.headline, MAX_SUMMARY),
        "source": "pulse",
        "severity": "info" if message.kind == "test" else SEVERITIES[message.severity],
        "timestamp": utc_text(message.at),
        "component": str(first.get("segment_id") or first.get("entity") or "pulse"),
        "group": str(first.get("owner") or "pulse"),
        "class": str(first.get("detector") or message.kind),
        "custom_details": _details(message),
    }
    out |= {"payload": payload, "client": "Pulse"}
    if message.report_url:
        out |= {"client_url": message.report_url, "links": [{"href": message.report_url, "text": "Open the report"}]}
    return out


def _details(message: AlertMessage) -> dict[str, str]:
    """Return the sections by their titles; those that share one come together."""
    out: dict[str, str] = {}
    for section in message.sections:
        before = out.get(section.title)
        out[section.title] = f"{before}\n{_text(section)}" if before else _text(section)
    return out | {"Footer": message.footer}


def _text(section: Section) -> str:
    return "\n".join(f"{mark}{line}" for mark, line in zip(marks(section), section.lines, strict=True))
