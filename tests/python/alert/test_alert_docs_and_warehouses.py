"""The documented signature check is right, and the outbox works through the real connection on DuckDB and Postgres."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from pulse_runner.alert.channels.n8n import signature
from pulse_runner.alert.stage import run_alerts
from pulse_runner.alert.undelivered import undelivered
from pulse_runner.cli import cli
from pulse_runner.warehouse.connection import connect
from tests.python.alert.servers import Answer, Web
from tests.python.alert.store import NOW, SLACK, TABLES, D, explanation_row, incident_row, project

DOC = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
BODY = '{"headline":"42 % weniger – 日本語"}'


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOC, re.DOTALL)
    assert found, f"docs/alerts.md has no {language} example"
    return found[1]


def headers(key: str = "s3cret", age: int = 0) -> dict[str, str]:
    stamp = str(int(datetime.now(UTC).timestamp()) - age)
    return {"x-pulse-timestamp": stamp, "x-pulse-signature": signature(key, stamp, BODY)}


# made when the test runs: a signature is genuine for five minutes only
CASES = [
    (headers, True),
    (lambda: headers("another"), False),
    (lambda: headers(age=600), False),
    (lambda: {"x-pulse-timestamp": "1"}, False),
]
IDS = ["genuine", "another secret", "old", "unsigned"]


@pytest.mark.parametrize(("given", "genuine"), CASES, ids=IDS)
def test_the_documented_python_check_accepts_only_what_pulse_signed(
    given: Callable[[], dict[str, str]], genuine: bool
) -> None:
    scope: dict[str, Any] = {}
    exec(compile(snippet("python"), "docs/alerts.md", "exec"), scope)
    assert scope["genuine"](given(), BODY.encode(), "s3cret") is genuine


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")
@pytest.mark.parametrize(("given", "genuine"), CASES, ids=IDS)
def test_the_documented_javascript_check_accepts_only_what_pulse_signed(
    given: Callable[[], dict[str, str]], genuine: bool
) -> None:
    call = f"console.log(genuine({json.dumps(given())}, {json.dumps(BODY)}, 's3cret'))"
    done = subprocess.run(["node", "-e", snippet("js") + call], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(genuine).lower()


@pytest.fixture
def warehouse(empty_schema: Path) -> Iterator[Any]:
    opened = connect(empty_schema)
    for name, columns in TABLES.items():
        opened._execute(f"create table {opened.table(name)} ({columns})", ())  # type: ignore[attr-defined]
    yield opened
    opened.close()


def test_the_outbox_works_through_the_real_connection(warehouse: Any, web: Web, http: httpx.Client) -> None:
    incident = incident_row()
    warehouse.replace("pulse_incidents", ["incident_id"], [incident])
    warehouse.replace("pulse_incident_explanations", ["explanation_id"], [explanation_row()])
    sizes = [
        {"segment_id": "vip", "snapshot_date": D - timedelta(days=n), "size": 1000 if n else 580} for n in range(5)
    ]
    warehouse.replace("pulse_segment_snapshots", ["segment_id", "snapshot_date"], sizes)
    env = {"PULSE_SLACK_WEBHOOK": f"{web.base}/hook"}

    def run(days: int) -> dict[str, int]:
        now = NOW + timedelta(days=days)
        report = run_alerts(
            warehouse, project(SLACK), D + timedelta(days=days), now, env, out=print, http=http,
            clock=lambda: now.replace(tzinfo=UTC), sleep=lambda _: None,
        )  # fmt: skip
        return report.counts

    web.answers = [Answer(503, "down"), Answer(503, "down"), Answer(503, "down"), Answer(200, "ok")]
    assert run(0) == {"failed": 1}
    assert [g.messages for g in undelivered(warehouse, project(SLACK), D)] == [1]
    assert run(1) == {"sent": 1}
    assert run(1) == {}
    assert undelivered(warehouse, project(SLACK), D) == []
    closed = {**incident, "status": "resolved", "resolution": "recovered", "resolved_on": D + timedelta(days=2)}
    warehouse.replace("pulse_incidents", ["incident_id"], [closed])
    assert run(2) == {"sent": 1}
    rows = warehouse.query(f"select * from {warehouse.table('pulse_alert_deliveries')} order by planned_at")
    assert [(r["notification"], r["status"], r["attempts"]) for r in rows] == [
        ("opened", "sent", 4),
        ("resolved", "sent", 1),
    ]
    assert "▇▁`\n10 May to 14 May: 1,000 → 580" in rows[0]["body"].replace("\\n", "\n")


def test_a_test_message_is_not_mixed_with_other_work(tmp_path: Path) -> None:
    root = Path(__file__).parents[3] / "demo"
    done = CliRunner().invoke(cli, ["--project-dir", str(root), "alert", "--test", "growth", "--dry-run"])
    assert done.exit_code == 2
    assert "--test sends to one route now" in done.output
