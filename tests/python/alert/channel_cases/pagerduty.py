from __future__ import annotations

from pulse_runner.alert.channels.pagerduty import PagerDutySettings
from tests.python.alert.channel_case import SECRET
from tests.python.alert.servers import Answer

SETTINGS = PagerDutySettings(channel="pagerduty", key_env="PULSE_PAGERDUTY_KEY")
YES = Answer(202, '{"status":"success","message":"Event processed","dedup_key":"k"}')
IS_IDEMPOTENT = True


def env(base: str) -> dict[str, str]:
    return {"PULSE_PAGERDUTY_KEY": SECRET, "PULSE_PAGERDUTY_URL": base}


__all__ = ["IS_IDEMPOTENT", "SETTINGS", "YES", "env"]
