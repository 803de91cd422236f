from __future__ import annotations

from tests.python.alert.store import CONSOLE as SETTINGS

YES = None
IS_IDEMPOTENT = True


def env(base: str) -> dict[str, str]:
    return {}


__all__ = ["IS_IDEMPOTENT", "SETTINGS", "YES", "env"]
