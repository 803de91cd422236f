"""Other services through apprise (https://appriseit.com/services/): subject and text to every address in a variable.

Apprise says of an address only whether it worked, not why not. So a message that one address did not take goes out again
to all of them, marked as a possible repeat.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pulse_runner.alert.channels.base import (
    REPEAT,
    REPEAT_WORD,
    Edge,
    Env,
    Frozen,
    Outgoing,
    Sent,
    Setup,
    UncertainError,
    quiet_logs,
    secret,
)
from pulse_runner.alert.message import AlertMessage, as_text, clip, smaller
from pulse_runner.segments.strict import ChannelSettings, Variable

if TYPE_CHECKING:
    from apprise import Apprise as Library

MAX_TEXT = 3_500  # what the larger half of the services takes in one message
NOT_INSTALLED = "the package apprise is not installed: `pip install 'pulse-runner[apprise]'`"


class AppriseSettings(ChannelSettings):
    """Addresses in apprise's notation, with white space between them, in the variable that `urls_env` names."""

    channel: Literal["apprise"]
    urls_env: Variable

    @property
    def address(self) -> str:
        """Return the name of the variable."""
        return self.urls_env


class Apprise:
    """Notify every address; an address is a secret as a whole."""

    name = "apprise"
    variables = ("PULSE_APPRISE_URLS",)
    settings = AppriseSettings

    def setup(self, settings: AppriseSettings, env: Env) -> Setup:
        """Say whether the package is there and knows every address; an address is told by its place in the list."""
        urls = _urls(settings, env)
        if not urls:
            return Setup(missing=(settings.urls_env,))
        try:
            known = [_opened(url) is not None for url in urls]
        except ImportError:
            return Setup(problem=NOT_INSTALLED)
        bad = ", ".join(str(n) for n, is_known in enumerate(known, start=1) if not is_known)
        return Setup(
            problem=f"{settings.urls_env} holds what apprise does not know as an address: {bad}" if bad else ""
        )

    def is_idempotent(self, env: Env) -> bool:
        """Return False: no service is known to recognise a repeat."""
        return False

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return subject and text as JSON."""
        text = ""
        for version in smaller(message):
            text = as_text(version)
            if len(text) <= MAX_TEXT:
                break
        return Frozen(
            message.subject, json.dumps({"subject": message.subject, "text": clip(text, MAX_TEXT)}, ensure_ascii=False)
        )

    def repeated(self, body: str) -> str:
        """Return the message with the mark in its subject and as its first line."""
        parts = json.loads(body)
        marked = {"subject": f"{REPEAT_WORD}: {parts['subject']}", "text": f"{REPEAT}\n\n{parts['text']}"}
        return json.dumps(marked, ensure_ascii=False)

    def send(self, outgoing: Outgoing, settings: AppriseSettings, env: Env, edge: Edge) -> Sent:
        """Notify one address after the other; all must take it."""
        parts, urls = json.loads(outgoing.body), _urls(settings, env)
        with quiet_logs():
            refused = [url for url in urls if not _notified(url, parts)]
        if refused:
            kinds = ", ".join(sorted({url.partition("://")[0] for url in refused}))
            how_many = f"{len(refused)} of {len(urls)} addresses in {settings.urls_env}"
            raise UncertainError(f"apprise could not notify {how_many} ({kinds}); it does not say why")
        return Sent()


def _urls(settings: AppriseSettings, env: Env) -> list[str]:
    return secret(env, settings.urls_env).split()


def _opened(url: str) -> Library | None:
    """Return apprise with one address; None where it does not know it."""
    from apprise import Apprise as Library
    from apprise import AppriseAsset

    with quiet_logs():
        made = Library(asset=AppriseAsset(async_mode=False, secure_logging=True, app_id="Pulse", app_desc="Pulse"))
        return made if made.add(url) else None


def _notified(url: str, parts: dict[str, Any]) -> bool:
    try:
        made = _opened(url)
        if made is None:
            return False
        return bool(made.notify(title=parts["subject"], body=parts["text"], body_format="text"))
    except Exception:  # a plugin may raise anything, and the text of it may hold the address
        return False
