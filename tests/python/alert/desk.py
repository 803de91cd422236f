"""The stage on a store in memory and a real web server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

import httpx

from pulse_runner.alert.stage import AlertReport, run_alerts
from pulse_runner.segments.model import Project
from tests.python.alert.servers import Web
from tests.python.alert.store import NOW, D, Store

SECRET = "pl4ntedS3cr3tXYZ"
INCIDENT = "aaaa1111bbbb2222"


class Desk:
    """Runs the stage on a store, and keeps what it printed and how long it waited."""

    def __init__(self, store: Store, web: Web, http: httpx.Client) -> None:
        self.store, self.web, self.http = store, web, http
        self.said: list[str] = []
        self.waits: list[float] = []
        self.env: dict[str, str] = {
            "PULSE_SLACK_WEBHOOK": f"{web.base}/slack/{SECRET}", "PULSE_TEAMS_WEBHOOK": f"{web.base}/teams/{SECRET}",
            "PULSE_N8N_URL": f"{web.base}/n8n/{SECRET}", "PULSE_N8N_SECRET": SECRET, "PULSE_N8N_TOKEN": SECRET,
            "RESEND_API_KEY": SECRET, "RESEND_API_URL": web.base, "PULSE_EMAIL_FROM": "pulse@example.com",
        }  # fmt: skip

    def run(
        self,
        definitions: Project,
        days: int = 0,
        env: Mapping[str, str] | None = None,
        hours: float = 0,
        **options: Any,
    ) -> AlertReport:
        now = NOW + timedelta(days=days, hours=hours)
        return run_alerts(
            self.store, definitions, D + timedelta(days=days), now, self.env if env is None else env, out=self.said.append,
            http=self.http, clock=lambda: (now + timedelta(seconds=5)).replace(tzinfo=UTC), sleep=self.waits.append, **options,
        )  # fmt: skip

    def statuses(self) -> list[tuple[str, str, str]]:
        return [(d["notification"], d["channel"], d["status"]) for d in self.store.deliveries()]
