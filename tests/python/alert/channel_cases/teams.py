from __future__ import annotations

from tests.python.alert.channel_case import SECRET, TOKEN
from tests.python.alert.servers import Answer
from tests.python.alert.store import TEAMS as SETTINGS

YES = Answer(202, "")
IS_IDEMPOTENT = False


def env(base: str) -> dict[str, str]:
    return {SETTINGS.url_env: f"{base}/services/{SECRET}?sig={TOKEN}"}


__all__ = ["IS_IDEMPOTENT", "SETTINGS", "YES", "env"]
