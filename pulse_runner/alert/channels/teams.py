"""Microsoft Teams through a Workflows webhook, as an Adaptive Card 1.5.

Data is put into TextRuns only: they show text as it is, while a TextBlock would read it as Markdown and follow its links
(https://adaptivecards.io/explorer/TextRun.html).
"""

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
    meaning,
    post,
    secret,
    web_setup,
)
from pulse_runner.alert.message import AlertMessage, Section, marks, smaller, unbroken
from pulse_runner.errors import ChannelError

MAX_BYTES = 13_000  # 28 KB are documented, 413 was seen at 14,000
STYLES = {"low": "emphasis", "medium": "warning", "high": "warning", "critical": "attention"}
COLOURS = {"low": "Default", "medium": "Warning", "high": "Warning", "critical": "Attention"}


class TeamsSettings(Webhook):
    """A Teams Workflows webhook."""

    channel: Literal["teams"]


class Teams:
    """Post to the Workflows webhook in the variable that `url_env` names."""

    name = "teams"
    variables = ("PULSE_TEAMS_WEBHOOK",)
    settings = TeamsSettings

    def setup(self, settings: TeamsSettings, env: Env) -> Setup:
        """Say whether the webhook's variable is set to a usable URL."""
        return web_setup(settings, env)

    def is_idempotent(self, env: Env) -> bool:
        """Return False: a workflow posts whatever it gets."""
        return False

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return the message with its card as JSON, below the size at which Teams refuses it."""
        body = ""
        for version in smaller(message):
            body = json.dumps(_envelope(version), ensure_ascii=False, separators=(",", ":"))
            if len(body.encode()) <= MAX_BYTES:
                break
        return Frozen(message.subject, body)

    def repeated(self, body: str) -> str:
        """Return the message with the mark above the card's text and in the summary."""
        payload = json.loads(body)
        card = payload["attachments"][0]["content"]
        card["body"].insert(0, {"type": "RichTextBlock", "inlines": [_run(REPEAT, weight="Bolder", size="Small")]})
        payload["summary"] = card["fallbackText"] = f"{REPEAT_WORD}: {payload['summary']}"
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))

    def send(self, outgoing: Outgoing, settings: TeamsSettings, env: Env, edge: Edge) -> Sent:
        """Post the card; 202 says that the workflow took it, not that it was shown."""
        url = secret(env, settings.url_env)
        response = post(edge, url, outgoing, {}, who="Teams", idempotent=False)
        if "failed with error" in response.text.lower():  # an old connector wraps an error into a 200
            found = re.search(r"HTTP error (\d{3})\b", response.text)
            status = f" with {found[1]}: {meaning(int(found[1]))}" if found else ""
            raise ChannelError(f"Teams refused the card{status.removesuffix(': ')}", retryable=False)
        return Sent("accepted by the workflow" if response.status_code == 202 else "")


def _envelope(message: AlertMessage) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "fallbackText": message.subject,
        "msteams": {"width": "Full"},
        "body": card_body(message),
    }
    return {
        "type": "message",
        "summary": message.subject,
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def card_body(message: AlertMessage) -> list[dict[str, Any]]:
    """Return the elements of the card: what fits a phone's screen, buttons, and the rest folded."""
    colour = "Good" if message.kind == "resolved" else COLOURS[message.severity]
    badge = _run(f"{message.badge.upper()}  ", weight="Bolder", size="Medium", color=colour)
    head = _run(unbroken(message.headline), weight="Bolder", size="Medium")
    box = {"type": "RichTextBlock", "inlines": [badge, head]}
    style = "good" if message.kind == "resolved" else STYLES[message.severity]
    out: list[dict[str, Any]] = [{"type": "Container", "style": style, "bleed": True, "items": [box]}]
    top = [s for s in message.sections if s.first or not message.has_fold]
    for section in top:
        out += _elements(section)
    below = [e for s in message.sections if s not in top for e in _elements(s)]
    footer = _run(message.footer, size="Small", isSubtle=True)
    below.append({"type": "RichTextBlock", "separator": True, "inlines": [footer]})
    actions: list[dict[str, Any]] = []
    if message.report_url:
        actions.append({"type": "Action.OpenUrl", "title": "Open the report", "url": message.report_url})
    if message.has_fold:
        toggle = {"type": "Action.ToggleVisibility", "title": "Evidence and commands", "targetElements": ["details"]}
        actions.append(toggle)
    if actions:
        out.append({"type": "ActionSet", "actions": actions})
    if not message.has_fold:
        return [*out, *below]
    return [*out, {"type": "Container", "id": "details", "isVisible": False, "items": below}]


def _elements(section: Section) -> list[dict[str, Any]]:
    title = _run(section.title, weight="Bolder")
    if section.style == "spark":
        blocks, words = section.lines[0], " ".join(section.lines[1:])
        caption = _run(words, size="Small", isSubtle=True)
        return [
            _block([title], "Medium"),
            _block([_run(blocks, fontType="Monospace")], "None"),
            _block([caption], "None"),
        ]
    if section.style == "code":
        lines = [_block([_run(line, fontType="Monospace")], "None") for line in section.lines]
        return [_block([title], "Medium"), *lines]
    if len(section.lines) == 1 and section.style == "text":
        return [_block([title, _run("  "), *_runs(section.lines[0])], "Small")]
    lines = [
        _block(_runs(f"{mark.replace('- ', '• ')}{line}"), "None")
        for mark, line in zip(marks(section), section.lines, strict=True)
    ]
    return [_block([title], "Medium"), *lines]


def _block(inlines: list[dict[str, Any]], spacing: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": inlines}


def _runs(text: str) -> list[dict[str, Any]]:
    """Return a line as runs: what stands between backticks in the font of code, without them."""
    parts = unbroken(text).split("`")
    if len(parts) % 2 == 0:  # one without its other half
        parts = [*parts[:-2], f"{parts[-2]}{parts[-1]}"]
    found = [_run(part, **({"fontType": "Monospace"} if n % 2 else {})) for n, part in enumerate(parts) if part]
    return found or [_run("")]


def _run(text: str, **style: object) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}
