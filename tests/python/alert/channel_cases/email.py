"""Email through Resend; SMTP has tests of its own."""

from __future__ import annotations

from tests.python.alert.channel_case import API_KEY
from tests.python.alert.servers import Answer
from tests.python.alert.store import EMAIL as SETTINGS

YES = Answer(200, '{"id":"49a3999c"}')
IS_IDEMPOTENT = True


def env(base: str) -> dict[str, str]:
    return {"RESEND_API_KEY": API_KEY, "RESEND_API_URL": base, "PULSE_EMAIL_FROM": "Pulse <pulse@example.com>"}


__all__ = ["IS_IDEMPOTENT", "SETTINGS", "YES", "env"]
