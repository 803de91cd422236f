"""Apprise speaks HTTP by itself and says only yes or no; it has tests of its own."""

from __future__ import annotations

from pulse_runner.alert.channels.apprise import AppriseSettings
from tests.python.alert.channel_case import SECRET

SETTINGS = AppriseSettings(channel="apprise", urls_env="PULSE_APPRISE_URLS")
YES = None
IS_IDEMPOTENT = False


def env(base: str) -> dict[str, str]:
    return {"PULSE_APPRISE_URLS": f"{base.replace('http://', 'json://')}/{SECRET}"}
