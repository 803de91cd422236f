"""The digest of a week: to people's targets of the routes that segments name, by real HTTP, once per week and target."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result
from hostile_names import NAMES

from pulse_runner.cli import cli
from tests.python.alert.servers import Answer, Web, web_server

ROUTES = """\
routes:
  growth:
    channels:
      - {channel: email, to: [growth@example.com]}
      - {channel: slack, url_env: PULSE_SLACK_WEBHOOK}
  pager:
    channels:
      - {channel: n8n, url_env: PULSE_N8N_URL, secret_env: PULSE_N8N_SECRET}
  idle:
    channels:
      - {channel: teams, url_env: PULSE_TEAMS_WEBHOOK}
"""


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def root(world: Path, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give two segments to the route growth and one to the pager; mail goes by an API and chat by a webhook, both here."""
    root = Path(shutil.copytree(world, tmp_path / "week"))
    (root / "segments" / "routes.yml").write_text(ROUTES)
    for name, route in (("s0", "growth"), ("s3", "growth"), ("s4", "pager")):
        with (root / "segments" / f"{name}.yml").open("a") as file:
            file.write(f"alerts: [{route}]\n")
    for variable in ("DBT_PROFILES_DIR", "DBT_TARGET", "PULSE_TARGET", "PULSE_PROJECT_DIR", "DBT_TARGET_PATH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("RESEND_API_KEY", "re_planted")
    monkeypatch.setenv("RESEND_API_URL", web.base)
    monkeypatch.setenv("PULSE_EMAIL_FROM", "pulse@example.com")
    monkeypatch.setenv("PULSE_SLACK_WEBHOOK", f"{web.base}/slack")
    return root


def send(root: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--project-dir", str(root), "report", "--send", "weekly", *words])


def rows(root: Path) -> list[tuple[str, str]]:
    with duckdb.connect(str(root / "pulse.duckdb"), read_only=True) as c:
        found: list[tuple[str, str]] = c.execute(
            "select channel, status from pulse_alert_deliveries where notification = 'weekly' order by 1"
        ).fetchall()
        return found


def test_a_week_is_sent_once_to_each_target_of_people_and_says_sums_only(root: Path, web: Web) -> None:
    done = send(root)
    assert done.exit_code == 0, done.output
    assert sorted(g.path.strip("/").split("/")[0] for g in web.got) == ["emails", "slack"]
    mail = json.loads(next(g.body for g in web.got if g.path.startswith("/emails")))
    assert mail["to"] == ["growth@example.com"]
    assert mail["subject"] == "Your segments in the week to 31 May 2026: 1 thing needs attention, 1 of 2 as expected"
    assert "1 began, 0 ended, 1 are open." in mail["text"]
    assert NAMES[0] in mail["text"]
    assert NAMES[0] not in mail["html"]  # it is escaped
    assert "Segment number 4" not in mail["text"]  # its route is for a machine
    assert rows(root) == [("email", "sent"), ("slack", "sent")]
    again = send(root)
    assert (again.exit_code, len(web.got)) == (0, 2)
    assert "week 2026-W22 was sent on" in again.stderr


def test_what_did_not_arrive_goes_again_under_the_same_key_and_the_rest_does_not(root: Path, web: Web) -> None:
    web.answers = [Answer(422, "no")]
    done = send(root)
    assert done.exit_code == 4, done.output
    assert {status for _, status in rows(root)} <= {"failed", "given_up"}
    web.answers = [Answer()]
    with duckdb.connect(str(root / "pulse.duckdb")) as c:
        c.execute(
            "update pulse_alert_deliveries set status = 'failed' where channel = 'email' and notification = 'weekly'"
        )
    before = [g.headers.get("idempotency-key") for g in web.got if g.path.startswith("/emails")]
    send(root)
    after = [g.headers.get("idempotency-key") for g in web.got if g.path.startswith("/emails")]
    assert set(after) == set(before)
    assert ("email", "sent") in rows(root)


def test_a_dry_run_sends_and_writes_nothing(root: Path, web: Web) -> None:
    done = send(root, "--dry-run", "--segment", "s3")
    assert done.exit_code == 0, done.output
    assert (web.got, rows(root)) == ([], [])
    assert "--- email via growth" in done.stdout
    assert "all is calm, 1 of 1 as expected" in done.stdout


def test_a_target_that_is_not_set_up_is_printed_and_tried_anew(
    root: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESEND_API_KEY")
    monkeypatch.delenv("PULSE_SLACK_WEBHOOK")
    done = send(root)
    assert (done.exit_code, web.got) == (0, [])
    assert done.stdout.count("Your segments in the week to") == 1
    monkeypatch.setenv("RESEND_API_KEY", "re_planted")
    send(root)
    assert ("email", "sent") in rows(root)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--format", "text"], "--send with --owner and --segment only"),
        (["--segment", "s4"], "No segment has a route with a target for people"),
        (["--owner", "team-33"], "No segment has the owner"),
    ],
)
def test_what_cannot_be_sent_is_said(root: Path, web: Web, words: list[str], what: str) -> None:
    done = send(root, *words)
    assert done.exit_code == 2
    assert what in done.stderr
    assert web.got == []
