from __future__ import annotations

from pulse_runner.alert.channels.slack_bot import SlackBotSettings
from tests.python.alert.channel_case import TOKEN
from tests.python.alert.servers import Answer

SETTINGS = SlackBotSettings(channel="slack_bot", token_env="PULSE_SLACK_BOT_TOKEN", to="#growth-alerts")
YES = Answer(200, '{"ok":true,"channel":"C0GROWTH","ts":"1715752862.000100"}')
IS_IDEMPOTENT = False


def env(base: str) -> dict[str, str]:
    return {"PULSE_SLACK_BOT_TOKEN": f"xoxb-{TOKEN}", "PULSE_SLACK_API_URL": base}


__all__ = ["IS_IDEMPOTENT", "SETTINGS", "YES", "env"]
