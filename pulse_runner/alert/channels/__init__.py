"""The channels that a route may name, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_runner.alert.channels.apprise import Apprise
from pulse_runner.alert.channels.base import Channel
from pulse_runner.alert.channels.console import Console
from pulse_runner.alert.channels.email import Email
from pulse_runner.alert.channels.n8n import N8n
from pulse_runner.alert.channels.pagerduty import PagerDuty
from pulse_runner.alert.channels.slack import Slack
from pulse_runner.alert.channels.slack_bot import SlackBot
from pulse_runner.alert.channels.teams import Teams

CHANNELS: Mapping[str, Channel[Any]] = {
    c.name: c for c in (Slack(), SlackBot(), Email(), Teams(), N8n(), PagerDuty(), Apprise(), Console())
}
