from __future__ import annotations

from tests.python.alert.channel_case import SECRET
from tests.python.alert.servers import Answer
from tests.python.alert.store import SLACK as SETTINGS

YES = Answer(200, "ok")
IS_IDEMPOTENT = False


def env(base: str) -> dict[str, str]:
    return {SETTINGS.url_env: f" {base}/services/{SECRET}\n"}  # with the white space of a pasted value


__all__ = ["IS_IDEMPOTENT", "SETTINGS", "YES", "env"]
