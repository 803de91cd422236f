"""Email: through Resend (https://resend.com/docs/api-reference/emails/send-email) when it has a key, else through SMTP.

The frozen body holds subject, HTML and text, not the addresses: pulse_alert_deliveries keeps no recipients.
"""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from pydantic import Field as PField

from pulse_runner.alert.channels.base import (
    REPEAT,
    REPEAT_WORD,
    Edge,
    Env,
    Frozen,
    Outgoing,
    RefusedError,
    Sent,
    Setup,
    post,
    secret,
    url_problem,
)
from pulse_runner.alert.channels.recipients import redact
from pulse_runner.alert.channels.smtp import headers_of, message_id, server_of, smtp_problem
from pulse_runner.alert.channels.smtp import send as send_by_smtp
from pulse_runner.alert.message import AlertMessage, Section, Trend, as_text, marks, smaller, unbroken
from pulse_runner.errors import ChannelError
from pulse_runner.segments.strict import ChannelSettings

RESEND = "https://api.resend.com"
MAX_BYTES = 95_000  # Gmail clips at 102 KB
PLACE = re.compile(r"^(?:https://[^\s<>,]+|[^@\s<>,:]+@[^@\s<>,]+)$")
ADDRESS = re.compile(r"^(?:[^<>@\r\n]*<)?[^@\s<>]+@[^@\s<>]+>?$")
# Resend's error names (https://resend.com/docs/api-reference/errors)
CODES = frozenset(
    {
        "application_error", "concurrent_idempotent_requests", "daily_quota_exceeded", "internal_server_error",
        "invalid_access", "invalid_api_key", "invalid_attachment", "invalid_from_address", "invalid_idempotency_key",
        "invalid_idempotent_request", "invalid_parameter", "invalid_region", "invalid_to_address", "method_not_allowed",
        "missing_api_key", "missing_required_field", "monthly_quota_exceeded", "not_found", "rate_limit_exceeded",
        "restricted_api_key", "security_error", "validation_error",
    }
)  # fmt: skip
COLOURS = {"low": "#57606a", "medium": "#9a6700", "high": "#bc4c00", "critical": "#cf222e"}
FONT = "font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
MONO = "font-family:Menlo,Consolas,monospace;font-size:13px"
BAR_PIXELS = 40
GREY, BAND = "#8c959f", "#54aeff"  # days as usual; what was expected
HEAD = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
    "<style>:root{color-scheme:light dark}@media (prefers-color-scheme:dark){"
    ".pulse-page,.pulse-card{background:#0d1117 !important}.pulse-text{color:#e6edf3 !important}"
    ".pulse-quiet{color:#9198a1 !important}.pulse-code{background:#161b22 !important}}</style>"
)


def _as_tuple(given: Any) -> Any:
    return tuple(given) if isinstance(given, list) else given


Recipient = Annotated[str, PField(pattern=r"^[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+$")]


class EmailSettings(ChannelSettings):
    """Email through Resend when RESEND_API_KEY is set, else SMTP when PULSE_SMTP_URL is set."""

    channel: Literal["email"]
    to: Annotated[
        tuple[Recipient, ...],
        PField(min_length=1),
        BeforeValidator(_as_tuple, json_schema_input_type=Annotated[list[Recipient], PField(min_length=1)]),
    ]

    @property
    def address(self) -> str:
        """Return shortened recipients, with a digest to tell lists apart."""
        digest = sha256(",".join(self.to).encode()).hexdigest()[:4]
        return f"{', '.join(redact(p) for p in self.to[:3])}{' …' if len(self.to) > 3 else ''} #{digest}"

    @property
    def service(self) -> str:
        """Return one name for all lists of recipients: they share one mail server."""
        return "email"


class Email:
    """Send to the addresses in `to`, from PULSE_EMAIL_FROM."""

    name = "email"
    variables = ("PULSE_EMAIL_FROM", "PULSE_EMAIL_UNSUBSCRIBE", "PULSE_SMTP_URL", "RESEND_API_KEY", "RESEND_API_URL")
    settings = EmailSettings

    def setup(self, settings: EmailSettings, env: Env) -> Setup:
        """Say whether a way to send and a sender are set."""
        missing = [] if secret(env, "PULSE_EMAIL_FROM") else ["PULSE_EMAIL_FROM"]
        if not secret(env, "RESEND_API_KEY") and not secret(env, "PULSE_SMTP_URL"):
            missing.insert(0, "RESEND_API_KEY or PULSE_SMTP_URL")
        if missing:
            return Setup(tuple(missing))
        if not ADDRESS.match(secret(env, "PULSE_EMAIL_FROM")):
            return Setup(
                problem="PULSE_EMAIL_FROM is not an address; write pulse@example.com or Pulse <pulse@example.com>"
            )
        if (place := secret(env, "PULSE_EMAIL_UNSUBSCRIBE")) and not PLACE.match(place):
            return Setup(problem="PULSE_EMAIL_UNSUBSCRIBE is neither an address nor a page that begins with https://")
        if not self.is_idempotent(env):
            url = secret(env, "PULSE_SMTP_URL")
            wrong = smtp_problem(url)
            return Setup(problem=wrong, means="" if wrong else f"by SMTP at {server_of(url)}")
        base = secret(env, "RESEND_API_URL")
        if not secret(env, "RESEND_API_KEY").isascii():
            return Setup(problem="RESEND_API_KEY holds characters that no key has")
        return Setup(problem=url_problem("RESEND_API_URL", base) if base else "", means="by Resend")

    def is_idempotent(self, env: Env) -> bool:
        """Say whether Resend is used: it drops a repeat with the same Idempotency-Key for 24 hours; SMTP does not."""
        return bool(secret(env, "RESEND_API_KEY"))

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return subject, HTML and text as JSON, below the size at which mail readers clip."""
        body = ""
        for version in smaller(message):
            first = message.thread.subject
            subject = f"Re: {first}" if first else version.subject  # mail readers keep one subject together
            parts = {"subject": subject, "html": as_html(version), "text": as_text(version)}
            if message.thread.key:
                parts["thread"] = message.thread.key
            body = json.dumps(parts, ensure_ascii=False)
            if len(parts["html"].encode()) <= MAX_BYTES:
                break
        return Frozen(message.subject, body)

    def repeated(self, body: str) -> str:
        """Return the mail with the mark in its subject and as its first line."""
        parts = json.loads(body)
        line = f'<div style="{FONT};font-size:14px;padding:0 0 8px">{html.escape(REPEAT)}</div>'
        parts["subject"] = f"{REPEAT_WORD}: {parts['subject']}"
        parts["text"] = f"{REPEAT}\n\n{parts['text']}"
        parts["html"] = re.sub(r"(<body[^>]*>)", lambda tag: tag[1] + line, parts["html"], count=1)
        return json.dumps(parts, ensure_ascii=False)

    def send(self, outgoing: Outgoing, settings: EmailSettings, env: Env, edge: Edge) -> Sent:
        """Send through Resend or SMTP; the remark names refused recipients, shortened."""
        people = list(settings.to)
        sender = secret(env, "PULSE_EMAIL_FROM")
        if not self.is_idempotent(env):
            return Sent(send_by_smtp(secret(env, "PULSE_SMTP_URL"), sender, people, outgoing, env, edge))
        return self._send_by_resend(outgoing, sender, people, env, edge)

    def _send_by_resend(self, outgoing: Outgoing, sender: str, people: list[str], env: Env, edge: Edge) -> Sent:
        key = secret(env, "RESEND_API_KEY")
        url = (secret(env, "RESEND_API_URL") or RESEND).rstrip("/") + "/emails"
        parts = json.loads(outgoing.body)
        # Resend gives a mail an id of its own: the conversation is held together by one reference in all of its mails
        first = parts.pop("thread", outgoing.key)
        kept = headers_of(outgoing, first, sender, env) | {"References": message_id(first, sender)}
        payload = json.dumps({"from": sender, "to": people, **parts, "headers": kept}, ensure_ascii=False)
        # what the environment and the route say is part of the key: the same key with another payload is refused (409)
        digest = sha256(json.dumps([sender, people, kept["List-Unsubscribe"]]).encode()).hexdigest()[:8]
        headers = {
            "Authorization": f"Bearer {key}",
            "Idempotency-Key": f"{outgoing.key}-{digest}",
            "User-Agent": "pulse",
        }
        frozen = Outgoing(outgoing.key, outgoing.subject, payload)
        try:
            post(edge, url, frozen, headers, who="Resend", idempotent=True, codes=CODES)
        except RefusedError as error:
            failure = _judged(error)
        else:
            return Sent()
        raise failure


def _judged(error: RefusedError) -> ChannelError:
    """Read Resend's error names: a key that is in use right now, and a spent quota, pass with time."""
    if error.code == "concurrent_idempotent_requests":
        return ChannelError(str(error), retryable=True, retry_after=error.retry_after)
    if error.code in ("daily_quota_exceeded", "monthly_quota_exceeded"):
        return ChannelError(str(error), retryable=True, retry_after=error.retry_after or 3600.0)
    return error


def as_html(message: AlertMessage) -> str:
    """Return the message as one table with inline styles, which is what mail readers keep; dark where the reader is dark."""
    colour = "#1a7f37" if message.kind == "resolved" else COLOURS[message.severity]
    badge = (
        f'<span style="background:{colour};color:#ffffff;font-size:12px;font-weight:600;padding:2px 8px;border-radius:10px">'
        f"{html.escape(message.badge.upper())}</span>"
    )
    rows = [
        f'<tr><td class="pulse-text" style="border-left:4px solid {colour};padding:8px 14px;{FONT};color:#1f2328">{badge}'
        f'<div style="font-size:18px;font-weight:600;padding-top:6px">{html.escape(unbroken(message.headline))}</div></td></tr>'
    ]
    top = [s for s in message.sections if s.first]
    rows += [_row(s, message, colour) for s in top]
    if message.report_url:
        rows.append(_link(message.report_url))
    below = [_row(s, message, colour) for s in message.sections if not s.first]
    if top and below:
        line = '<div style="border-top:1px solid #d0d7de;font-size:0;line-height:0">&nbsp;</div>'
        rows.append(f'<tr><td style="padding:14px 18px 0">{line}</td></tr>')
    rows += below
    rows.append(
        f'<tr><td class="pulse-quiet" style="padding:16px 18px 8px;{FONT};font-size:12px;color:#57606a">'
        f"{html.escape(message.footer)}</td></tr>"
    )
    table = (
        '<table role="presentation" class="pulse-card" cellpadding="0" cellspacing="0" border="0" width="100%" '
        f'style="max-width:600px;background:#ffffff">{"".join(rows)}</table>'
    )
    body = f'<body class="pulse-page" style="margin:0;padding:12px">{table}</body>'
    return f'<!doctype html><html lang="en"><head>{HEAD}</head>{body}</html>'


def _row(section: Section, message: AlertMessage, colour: str) -> str:
    is_chart = section.style == "spark" and message.trend is not None
    inner = _bars(message.trend, colour) if is_chart and message.trend else _lines(section)
    return (
        f'<tr><td class="pulse-text" style="padding:10px 18px 0;{FONT};font-size:14px;line-height:1.45;color:#1f2328">'
        f'<div style="font-weight:600">{html.escape(section.title)}</div>{inner}</td></tr>'
    )


def _link(url: str) -> str:
    style = f"{FONT};display:inline-block;background:#0969da;color:#ffffff;font-size:14px;font-weight:600"
    style += ";padding:8px 16px;text-decoration:none;border-radius:6px"
    return f'<tr><td style="padding:12px 18px 0"><a href="{html.escape(url)}" style="{style}">Open the report</a></td></tr>'


def _lines(section: Section) -> str:
    if section.style == "code":
        text = html.escape("\n".join(section.lines))
        style = f"{MONO};background:#f6f8fa;padding:8px;margin:2px 0;white-space:pre-wrap;overflow-wrap:anywhere"
        return f'<div class="pulse-code" style="{style}">{text}</div>'
    out = []
    for mark, line in zip(marks(section), section.lines, strict=True):
        code = re.sub(r"`([^`]+)`", rf'<code style="{MONO}">\1</code>', html.escape(unbroken(line)))
        out.append(f"<div>{mark.replace('- ', '&bull; ')}{code}</div>")
    return "".join(out)


def _bars(trend: Trend, colour: str) -> str:
    """Draw the history as table cells: mail readers drop SVG, and block out images. The axis does not begin at zero.

    Days as usual are grey, those since the change have the severity's colour; a frame on the last one is what was expected.
    """
    low, high = trend.axis
    span = high - low

    def pixels(value: float) -> int:
        return 2 + round((0.5 if span <= 0 else (value - low) / span) * (BAR_PIXELS - 2))

    cells = []
    for place, value in enumerate(trend.values):
        day = trend.first + timedelta(days=place)
        fill = colour if trend.since is None or day >= trend.since else GREY
        parts = [] if value is None else [_block(pixels(value), fill)]
        if day == trend.last and value is not None and trend.low is not None and trend.high is not None:
            parts = [*_expected(pixels(trend.low), pixels(trend.high), pixels(value)), *parts]
        inner = "".join(parts) or "&nbsp;"
        cells.append(f'<td valign="bottom" width="8" style="height:{BAR_PIXELS}px;padding-right:2px">{inner}</td>')
    bars = f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr>{"".join(cells)}</tr></table>'
    words = html.escape(unbroken(trend.words()))
    return f'{bars}<div class="pulse-quiet" style="font-size:12px;color:#57606a">{words}</div>'


def _expected(low: int, high: int, value: int) -> list[str]:
    """Return what stands above the bar of the last day: the expected band, and the way to it; nothing where it is reached."""
    if value >= high:
        return []
    bottom = max(low, value)
    return [_block(high - bottom, BAND), *([_block(bottom - value, "")] if bottom > value else [])]


def _block(height: int, fill: str) -> str:
    ground = f"background:{fill};" if fill else ""
    return f'<div style="height:{height}px;width:8px;{ground}font-size:0;line-height:0">&nbsp;</div>'
