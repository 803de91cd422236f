"""Slack incoming webhook with Block Kit (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from pulse_runner.alert.channels.base import (
    REPEAT,
    REPEAT_WORD,
    Edge,
    Env,
    Frozen,
    Outgoing,
    Sent,
    Setup,
    Webhook,
    post,
    secret,
    web_setup,
)
from pulse_runner.alert.message import AlertMessage, Section, clip, marks, smaller, unbroken
from pulse_runner.errors import ChannelError

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_SECTION = 3000
MAX_LINE = 300
MAX_TOTAL = 12_000  # Slack refuses about 13,000 characters over all blocks
# what Slack says in plain text (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)
CODES = frozenset(
    {
        "action_prohibited", "channel_is_archived", "channel_not_found", "invalid_blocks", "invalid_payload", "invalid_token",
        "no_active_hooks", "no_service", "no_service_id", "no_team", "no_text", "posting_to_general_channel_denied",
        "rate_limited", "rollup_error", "team_disabled", "too_many_attachments", "user_not_found",
    }
)  # fmt: skip
DOTS = {"low": "⚪", "medium": "🟡", "high": "🟠", "critical": "🔴"}


class SlackSettings(Webhook):
    """A Slack incoming webhook."""

    channel: Literal["slack"]


class Slack:
    """Post to the webhook in the variable that `url_env` names."""

    name = "slack"
    variables = ("PULSE_SLACK_WEBHOOK",)
    settings = SlackSettings

    def setup(self, settings: SlackSettings, env: Env) -> Setup:
        """Say whether the webhook's variable is set to a usable URL."""
        return web_setup(settings, env)

    def is_idempotent(self, env: Env) -> bool:
        """Return False: a webhook posts whatever it gets."""
        return False

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return the payload as JSON: blocks, and `text` as the fallback for notifications."""
        return Frozen(message.subject, json.dumps(payload(message), ensure_ascii=False))

    def repeated(self, body: str) -> str:
        """Return the payload with the mark above its blocks and in the notification."""
        return marked(body)

    def send(self, outgoing: Outgoing, settings: SlackSettings, env: Env, edge: Edge) -> Sent:
        """Post the payload; Slack answers `ok`."""
        url = secret(env, settings.url_env)
        response = post(edge, url, outgoing, {}, who="Slack", idempotent=False, codes=CODES)
        if response.text.strip() != "ok" and not response.text.lstrip().startswith("{"):
            raise ChannelError(
                "The webhook answered 200 but not as Slack does; is a proxy or a sign-in page in between?",
                retryable=False,
            )
        return Sent()


def payload(message: AlertMessage) -> dict[str, Any]:
    """Return blocks, and `text` as the fallback for notifications, within Slack's limits."""
    made: dict[str, Any] = {}
    for version in smaller(message):
        made = {"text": escape(clip(version.subject, MAX_LINE)), "blocks": blocks(version)}
        longest = max(len(_mrkdwn(s)) for s in version.sections)
        if len(json.dumps(made, ensure_ascii=False)) <= MAX_TOTAL and longest <= MAX_SECTION:
            break
    return made


def marked(body: str) -> str:
    """Return a frozen payload with the mark of a possible repeat."""
    parts = json.loads(body)
    mark = {"type": "context", "elements": [{"type": "mrkdwn", "text": f"*{escape(REPEAT)}*"}]}
    text = clip(f"{REPEAT_WORD}: {parts['text']}", MAX_LINE)
    return json.dumps({**parts, "text": text, "blocks": [mark, *parts["blocks"]]}, ensure_ascii=False)


def dot(message: AlertMessage) -> str:
    """Return one sign for a glance."""
    return (
        "✅" if message.kind == "resolved" else "🔔" if message.kind in ("test", "weekly") else DOTS[message.severity]
    )


def blocks(message: AlertMessage) -> list[dict[str, Any]]:
    """Return the Block Kit blocks of a message: a header with its badge, what fits a phone's screen, the rest below a line."""
    head = f"{dot(message)} {message.badge}: {unbroken(message.headline)}"
    plain = {"type": "plain_text", "text": clip(head, MAX_HEADER), "emoji": True}
    out: list[dict[str, Any]] = [{"type": "header", "text": plain}]
    if len(head) > MAX_HEADER:
        out.append(_section(f"*{escape(message.headline)}*"))
    top = [s for s in message.sections if s.first]
    below = [s for s in message.sections if not s.first][: MAX_BLOCKS - len(top) - 6]
    out += [_section(_mrkdwn(s)) for s in top]
    if message.report_url:
        out.append({"type": "actions", "elements": [_button(message.report_url)]})
    if top and below:
        out.append({"type": "divider"})
    out += [_section(_mrkdwn(s)) for s in below]
    out.append({"type": "context", "elements": [{"type": "mrkdwn", "text": escape(message.footer)}]})
    return out


def _button(url: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": "Open the report"}
    return {"type": "button", "text": text, "url": url, "action_id": "pulse_report", "style": "primary"}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": clip(text, MAX_SECTION)}}


def _mrkdwn(section: Section) -> str:
    title = f"*{escape(section.title)}*"
    if section.style == "code":
        return f"{title}\n```{escape(chr(10).join(section.lines)).replace('`', chr(39))}```"
    if section.style == "spark":
        return f"{title}\n`{escape(section.lines[0])}`\n{escape(' '.join(section.lines[1:]))}"
    lines = [
        f"{mark.replace('- ', '• ')}{escape(unbroken(line))}"
        for mark, line in zip(marks(section), section.lines, strict=True)
    ]
    return "\n".join([title, *lines])


def escape(text: str) -> str:
    """Escape the three characters that Slack reads as control, so that no mention or link can come from data.

    >>> escape("<!channel> R&D")
    '&lt;!channel&gt; R&amp;D'
    """
    return re.sub(r"[&<>]", lambda m: {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[m[0]], text)
