from __future__ import annotations

from tests.python.alert.channel_case import SECRET, SIGNING, TOKEN
from tests.python.alert.servers import Answer
from tests.python.alert.store import N8N as SETTINGS

YES = Answer(200, '{"message":"Workflow was started"}')
IS_IDEMPOTENT = True


def env(base: str) -> dict[str, str]:
    return {"PULSE_N8N_URL": f"{base}/services/{SECRET}", "PULSE_N8N_SECRET": SIGNING, "PULSE_N8N_TOKEN": TOKEN}


__all__ = ["IS_IDEMPOTENT", "SETTINGS", "YES", "env"]
