"""The screen: plain text, for a first look and for a terminal or a log that somebody reads."""

from __future__ import annotations

from typing import Literal

from pulse_runner.alert.channels.base import Edge, Env, Frozen, Outgoing, Sent, Setup
from pulse_runner.alert.message import AlertMessage, as_text, smaller
from pulse_runner.segments.strict import ChannelSettings


class ConsoleSettings(ChannelSettings):
    """Print the message."""

    channel: Literal["console"]


class Console:
    """Print the message."""

    name = "console"
    variables = ()
    settings = ConsoleSettings

    def setup(self, settings: ConsoleSettings, env: Env) -> Setup:
        """Return that nothing is needed."""
        return Setup()

    def is_idempotent(self, env: Env) -> bool:
        """Return True: printing twice does no harm."""
        return True

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return the message as text."""
        return Frozen(message.subject, as_text(next(smaller(message))))

    def repeated(self, body: str) -> str:
        """Return the body as it is: a repeat does no harm here."""
        return body

    def send(self, outgoing: Outgoing, settings: ConsoleSettings, env: Env, edge: Edge) -> Sent:
        """Print the message."""
        edge.say(f"{outgoing.body}\n")
        return Sent()
