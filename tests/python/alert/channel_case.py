"""What a case file of a channel holds, and how the contract suite finds it.

Each file in channel_cases/ is named like its channel and has

    env(base)        the environment in which the channel speaks to the web server at `base`
    SETTINGS         what a route says about the target
    YES              the server's answer that means yes; None for a channel that speaks no HTTP
    IS_IDEMPOTENT    whether the receiver recognises a repeat
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.base import Edge, Outgoing
from pulse_runner.segments.strict import ChannelSettings
from tests.python.alert.servers import Answer

SECRET = "T0SECRET/B0SECRET/pl4ntedS3cr3tXYZ"
TOKEN = "pl4nted-t0ken-ABCDEF"
SIGNING = "pl4nted-s1gning-key"
API_KEY = "re_pl4ntedApiKey123"
KEY = "pulse-0123456789abcdef"


@dataclass(frozen=True)
class Case:
    """A channel with its settings, its environment and the answer that means yes."""

    name: str
    settings: ChannelSettings
    env: Mapping[str, str]
    yes: Answer | None
    is_idempotent: bool

    def send(self, edge: Edge, body: str = '{"subject":"s","html":"<p>h</p>","text":"t"}') -> str:
        return CHANNELS[self.name].send(Outgoing(KEY, "s", body), self.settings, self.env, edge)


def file_of(name: str) -> ModuleType:
    """Return the case file of a channel; ModuleNotFoundError when it has none."""
    return import_module(f"tests.python.alert.channel_cases.{name}")


def case(name: str, base: str) -> Case:
    file = file_of(name)
    return Case(name, file.SETTINGS, file.env(base), file.YES, file.IS_IDEMPOTENT)


HTTP = tuple(name for name in CHANNELS if file_of(name).YES is not None)
