"""A server on loopback that behaves as Slack's API does for a bot: it keeps messages by channel and time, and refuses as Slack does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from tests.python.alert.servers import Answer, Got, web_server

Message = dict[str, Any]
FIELDS = {"channel", "text", "blocks", "thread_ts", "reply_broadcast", "unfurl_links"}


@dataclass
class SlackApi:
    """The workspace: channels by name, whether the bot is in them, and what was posted."""

    base: str
    token: str
    channels: dict[str, str] = field(default_factory=lambda: {"#growth-alerts": "C0GROWTH"})
    members: set[str] = field(default_factory=lambda: {"C0GROWTH"})
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)
    calls: list[tuple[str, Message]] = field(default_factory=list)
    next_answers: list[Answer] = field(default_factory=list)

    def answer(self, got: Got) -> Answer:
        payload = json.loads(got.body)
        method = got.path.rpartition("/")[2]
        self.calls.append((method, payload))
        if self.next_answers:
            planned = self.next_answers.pop(0)
            if planned.hang_up:
                self._do(method, got, payload)  # it arrived all the same
            return planned
        return self._do(method, got, payload)

    def _do(self, method: str, got: Got, payload: Message) -> Answer:
        if got.headers.get("authorization") != f"Bearer {self.token}":
            return no("invalid_auth")
        if not got.headers["content-type"].startswith("application/json"):
            return no("invalid_post_type")
        place = self.channels.get(payload["channel"], payload["channel"])
        if place not in self.channels.values():
            return no("channel_not_found")
        if place not in self.members:
            return no("not_in_channel")
        try:
            for block in Block.parse_all(payload["blocks"]):
                block.validate_json()
        except SlackObjectFormationError:
            return no("invalid_blocks")
        if len(payload["blocks"]) > 50 or not payload["text"]:
            return no("invalid_blocks")
        return self._post(place, payload) if method == "chat.postMessage" else self._update(place, payload)

    def _post(self, place: str, payload: Message) -> Answer:
        assert set(payload) <= FIELDS
        if payload.get("thread_ts") and (place, payload["thread_ts"]) not in self.messages:
            return no("thread_not_found")
        ts = f"1715752862.{len(self.messages):06d}"
        self.messages[(place, ts)] = payload
        return yes(place, ts)

    def _update(self, place: str, payload: Message) -> Answer:
        if payload["channel"] != place:
            return no("channel_not_found")  # an update takes the id only
        if (place, payload["ts"]) not in self.messages:
            return no("message_not_found")
        self.messages[(place, payload["ts"])] |= {"text": payload["text"], "blocks": payload["blocks"]}
        return yes(place, payload["ts"])


def yes(place: str, ts: str) -> Answer:
    return Answer(200, json.dumps({"ok": True, "channel": place, "ts": ts}))


def no(code: str, *headers: tuple[str, str], status: int = 200) -> Answer:
    return Answer(status, json.dumps({"ok": False, "error": code}), headers)


@contextmanager
def slack_api(token: str) -> Iterator[SlackApi]:
    with web_server() as web:
        api = SlackApi(web.base, token)
        web.answer = api.answer
        yield api
