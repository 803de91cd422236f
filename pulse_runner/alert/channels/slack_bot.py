"""Slack with a bot's token (https://docs.slack.dev/reference/methods/chat.postMessage): threads, and a first message that keeps up.

The first message of a conversation goes into the channel, all later ones into its thread. The first one is updated with
the state of the day, so that who only reads the channel sees it. Slack names a message by channel and time: that is the
receipt, which is stored with the delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field as PField

from pulse_runner.alert.channels import slack
from pulse_runner.alert.channels.base import (
    Edge,
    Env,
    Frozen,
    Outgoing,
    RefusedError,
    Sent,
    Setup,
    UncertainError,
    post,
    retry_after,
    secret,
    url_problem,
)
from pulse_runner.alert.message import AlertMessage, clip
from pulse_runner.errors import ChannelError
from pulse_runner.segments.strict import ChannelSettings, Variable

API = "https://slack.com/api"
LOUD = frozenset(
    {"opened", "worsened", "grew", "reminder"}
)  # these are shown in the channel too, not only in the thread
AGAIN = frozenset({"ratelimited", "rate_limited", "service_unavailable", "request_timeout", "team_added_to_org"})
PERHAPS = frozenset({"fatal_error", "internal_error"})  # "some aspect of the operation may have succeeded"
NO_TOKEN = "the token in {token} is not good (any more); install the app again and copy its new token"
# what Slack says in the field `error` of a refusal, with what to do about it
CODES: Mapping[str, str] = {
    "account_inactive": NO_TOKEN, "invalid_auth": NO_TOKEN, "not_authed": NO_TOKEN, "token_expired": NO_TOKEN,
    "token_revoked": NO_TOKEN, "not_allowed_token_type": "the token in {token} is none of a bot; it begins with xoxb-",
    "missing_scope": "the app has not the scope chat:write; add it and install the app again",
    "no_permission": "the app may not do this; give it the scope chat:write",
    "access_denied": "", "ekm_access_denied": "", "enterprise_is_restricted": "", "team_access_not_granted": "",
    "org_login_required": "", "two_factor_setup_required": "",
    "channel_not_found": "there is no channel {to}, or it is private and the bot is not in it: /invite it",
    "not_in_channel": "the bot is not in {to}: /invite it", "is_archived": "{to} is archived",
    "restricted_action": "the workspace lets no app post into {to}", "restricted_action_read_only_channel": "",
    "restricted_action_thread_only_channel": "", "restricted_action_thread_locked": "", "thread_not_found": "",
    "message_not_found": "", "cant_update_message": "", "edit_window_closed": "", "is_inactive": "",
    "msg_too_long": "", "msg_blocks_too_long": "", "invalid_blocks": "", "invalid_blocks_format": "", "no_text": "",
    "invalid_arguments": "", "invalid_arg_name": "", "invalid_charset": "", "invalid_form_data": "", "invalid_json": "",
    "invalid_post_type": "", "json_not_object": "", "missing_post_type": "", "missing_charset": "",
    "method_deprecated": "", "deprecated_endpoint": "", "unknown_method": "", "message_limit_exceeded": "",
    "posting_to_general_channel_denied": "", "accesslimited": "", "as_user_not_supported": "",
}  # fmt: skip


class SlackBotSettings(ChannelSettings):
    """A channel of Slack that a bot posts into, by its id or its name."""

    channel: Literal["slack_bot"]
    token_env: Variable
    to: Annotated[str, PField(pattern=r"^#?[^\s#@<>&]{1,80}$", description="C0123456789, or #growth-alerts.")]

    @property
    def address(self) -> str:
        """Return the channel."""
        return self.to


class SlackBot:
    """Post with the bot's token in the variable that `token_env` names."""

    name = "slack_bot"
    variables = ("PULSE_SLACK_BOT_TOKEN", "PULSE_SLACK_API_URL")
    settings = SlackBotSettings

    def setup(self, settings: SlackBotSettings, env: Env) -> Setup:
        """Say whether the token is set and can be one, and whether another address of the API is one."""
        token, base = secret(env, settings.token_env), secret(env, "PULSE_SLACK_API_URL")
        if not token:
            return Setup(missing=(settings.token_env,))
        if not token.isascii() or not token.isprintable() or not token.startswith(("xoxb-", "xoxe.xoxb-")):
            return Setup(problem=f"{settings.token_env} holds no bot token; one begins with xoxb-")
        return Setup(problem=url_problem("PULSE_SLACK_API_URL", base) if base else "")

    def is_idempotent(self, env: Env) -> bool:
        """Return False: Slack posts what it gets, as often as it gets it."""
        return False

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return the message as JSON, with the key of its thread, and what the thread's first message is to become."""
        body: dict[str, Any] = slack.payload(message) | {"thread": message.thread.key or key}
        if message.thread.subject:
            body["broadcast"] = message.kind in LOUD
            if message.thread.body:
                body["update"] = _restated(message.thread.body, message)
        return Frozen(message.subject, json.dumps(body, ensure_ascii=False))

    def repeated(self, body: str) -> str:
        """Return the message with the mark above its blocks and in the notification."""
        return slack.marked(body)

    def send(self, outgoing: Outgoing, settings: SlackBotSettings, env: Env, edge: Edge) -> Sent:
        """Update the first message of the thread, then post; an update may be repeated, a post may not."""
        parts, (place, ts) = json.loads(outgoing.body), _place(outgoing.first)
        call, remark = _Call(outgoing, settings, env, edge), ""
        if ts and "update" in parts:
            try:
                call("chat.update", {"channel": place, "ts": ts, **parts["update"]}, idempotent=True)
            except ChannelError as error:
                if error.retryable:
                    raise
                remark = f"its first message stays as it was: {error}"
        content = {name: parts[name] for name in ("text", "blocks") if name in parts}
        payload = {"channel": place or settings.to, **content, "unfurl_links": False}
        thread = {"thread_ts": ts, "reply_broadcast": parts.get("broadcast", False)} if ts else {}
        try:
            said = call("chat.postMessage", payload | thread, idempotent=False)
        except RefusedError as error:
            if error.code != "thread_not_found":
                raise
            said = call("chat.postMessage", payload, idempotent=False)  # somebody deleted its first message
        return Sent(remark, f"{said.get('channel', '')}/{said.get('ts', '')}")


class _Call:
    """Calls methods of the API for one message."""

    def __init__(self, outgoing: Outgoing, settings: SlackBotSettings, env: Env, edge: Edge) -> None:
        self._outgoing, self._settings, self._edge = outgoing, settings, edge
        self._token = secret(env, settings.token_env)
        self._base = (secret(env, "PULSE_SLACK_API_URL") or API).rstrip("/")

    def __call__(self, method: str, payload: Mapping[str, Any], *, idempotent: bool) -> Mapping[str, Any]:
        """Return the answer of a method, which says ok; raise ChannelError in our own words where it does not."""
        body = json.dumps(payload, ensure_ascii=False)
        whole = Outgoing(self._outgoing.key, self._outgoing.subject, body)
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self._base}/{method}"
        response = post(
            self._edge, url, whole, headers, who="Slack", idempotent=idempotent, codes=frozenset({*CODES, *AGAIN})
        )
        try:
            said = json.loads(response.text)
        except ValueError:
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("ok"), bool):
            text = "The address answered 200 but not as Slack does; is a proxy or a sign-in page in between?"
            raise ChannelError(text, retryable=False)
        if not said["ok"]:
            raise self._refused(method, said.get("error"), retry_after(response.headers, self._edge.now()), idempotent)
        return said

    def _refused(self, method: str, code: object, wait: float | None, idempotent: bool) -> ChannelError:
        """Return the error of an answer that is not ok. Only codes that Slack documents are repeated."""
        if code in PERHAPS:
            text = f"Slack refused {method}: {code}"
            return ChannelError(text, retryable=True) if idempotent else UncertainError(f"{text}; it may have arrived")
        if code in AGAIN:
            return ChannelError(f"Slack refused {method}: {code}", retryable=True, retry_after=wait)
        if not isinstance(code, str) or code not in CODES:
            return ChannelError(f"Slack refused {method} with a code that Pulse does not know", retryable=False)
        hint = CODES[code].format(token=self._settings.token_env, to=self._settings.to)
        text = f"Slack refused {method}: {code}{f' ({hint})' if hint else ''}"
        return RefusedError(text, 200, code, retryable=False)


def _restated(first: str, message: AlertMessage) -> dict[str, Any]:
    """Return the first message of a thread with a line above it that says how it stands now."""
    parts = json.loads(first)
    line = clip(f"{slack.dot(message)} {message.badge}, {message.day:%-d %b %Y}: {message.headline}", slack.MAX_LINE)
    now = {"type": "section", "text": {"type": "mrkdwn", "text": f"*{slack.escape(line)}*"}}
    return {"text": slack.escape(line), "blocks": [now, {"type": "divider"}, *parts["blocks"]]}


def _place(receipt: str) -> tuple[str, str]:
    """Return channel and time of a message from its receipt; both '' where there is none.

    >>> _place("C012/1715752862.0001"), _place("")
    (('C012', '1715752862.0001'), ('', ''))
    """
    place, _, ts = receipt.partition("/")
    return (place, ts) if place and ts else ("", "")
