"""Delivery over real servers: no answer is not an arrival, no channel waits for another, and what is missing is said."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.base import REPEAT
from pulse_runner.alert.message import test_message as sample_message
from pulse_runner.alert.undelivered import undelivered
from pulse_runner.cli import alert as alert_cli
from pulse_runner.errors import UndeliveredError
from tests.python.alert.desk import INCIDENT, Desk
from tests.python.alert.servers import Answer, Mailbox, web_server
from tests.python.alert.store import CONSOLE, EMAIL, N8N, NOW, SLACK, TEAMS, D, project

SLOW = Answer(200, "ok", delay=1.2)  # the client waits 0.5 s
LOST = Answer(hang_up=True)
FINE = Answer(200, "ok")


@pytest.mark.parametrize("answer", [LOST, SLOW], ids=["hung up", "timed out"])
def test_no_answer_is_no_arrival_the_message_goes_out_again_and_says_so(desk: Desk, answer: Answer) -> None:
    desk.web.answers = [answer, FINE]
    assert desk.run(project(SLACK)).counts == {"sent": 1}
    first, second = (json.loads(g.body) for g in desk.web.got)
    assert second["text"] == f"Possible repeat: {first['text']}"
    assert second["blocks"] == [
        {"type": "context", "elements": [{"type": "mrkdwn", "text": f"*{REPEAT}*"}]},
        *first["blocks"],
    ]
    row = desk.store.deliveries()[0]
    assert (row["status"], row["attempts"]) == ("sent", 2)
    assert row["reason"] == "delivered at try 2, marked as a possible repeat"
    assert desk.run(project(SLACK), 1).counts == {}, "once it was taken, it is told"


def test_no_answer_all_day_is_tried_again_the_next_day_and_is_not_told_until_then(desk: Desk) -> None:
    desk.web.answers = [LOST]
    report = desk.run(project(SLACK))
    row = desk.store.deliveries()[0]
    assert (row["status"], row["attempts"], len(desk.web.got)) == ("failed", 2, 2), "two copies at most in a run"
    assert row["sent_at"] is not None, "it may have arrived"
    assert [g.sentence() for g in report.undelivered] == [
        "slack via growth (PULSE_SLACK_WEBHOOK): 1 message since 14 May 2026;"
        " Slack (127.0.0.1/…) did not answer: RemoteProtocolError; it may have arrived"
    ]
    desk.web.answers = [FINE]
    assert desk.run(project(SLACK), 1).counts == {"sent": 1}
    assert ["Possible repeat" in g.body for g in desk.web.got] == [False, True, True]


def test_a_message_that_is_given_up_unanswered_is_planned_anew(desk: Desk) -> None:
    desk.web.answers = [LOST]
    desk.run(project(SLACK))
    assert desk.run(project(SLACK), 4).counts == {"given_up": 1}
    assert desk.store.deliveries()[0]["sent_at"] is not None
    desk.web.answers = [FINE]
    assert desk.run(project(SLACK), 5).counts == {"sent": 1}
    told = desk.store.deliveries()[-1]
    assert told["reason"] == "it is seen for the first time, after a message that may not have arrived"
    assert [d["status"] for d in desk.store.deliveries()] == ["given_up", "sent"]


def test_who_may_have_heard_of_an_incident_hears_of_its_end(desk: Desk) -> None:
    desk.web.answers = [LOST]
    desk.run(project(SLACK))
    desk.store.set(INCIDENT, status="resolved", resolution="recovered", resolved_on=D + timedelta(days=1))
    desk.web.answers = [FINE]
    desk.web.got.clear()
    assert desk.run(project(SLACK), 1).counts == {"skipped": 1}, "old news is not repeated"
    assert desk.run(project(SLACK), 2).counts == {"sent": 1}
    assert json.loads(desk.web.got[0].body)["text"].startswith("Recovered")


def test_a_mail_that_may_have_arrived_is_marked_and_keeps_its_message_id(desk: Desk, mailbox: Mailbox) -> None:
    env = {
        "PULSE_SMTP_URL": f"smtp://pulse:{mailbox.password.replace('/', '%2F').replace('+', '%2B')}@127.0.0.1:{mailbox.port}",
        "PULSE_SMTP_CA_FILE": str(mailbox.ca_file),
        "PULSE_EMAIL_FROM": "pulse@example.com",
    }
    mailbox.hang_up_after_data = True
    assert desk.run(project(EMAIL), env=env).counts == {"failed": 1}
    mailbox.hang_up_after_data = False
    assert desk.run(project(EMAIL), 1, env=env).counts == {"sent": 1}
    mails = [bytes(m.content or b"").decode() for m in mailbox.mails]
    subjects = [next(line for line in m.splitlines() if line.startswith("Subject:")) for m in mails]
    assert "Possible" not in subjects[0]
    assert subjects[-1].startswith("Subject: Possible repeat: ")
    assert len({next(line for line in m.splitlines() if line.startswith("Message-ID:")) for m in mails}) == 1


@pytest.mark.parametrize("name", list(CHANNELS))
def test_the_mark_is_in_what_a_channel_sends_again(name: str) -> None:
    channel = CHANNELS[name]
    body = channel.render(sample_message("growth", NOW), "k").body
    again = channel.repeated(body)
    if name in ("n8n", "pagerduty", "console"):
        assert again == body, "the receiver knows a repeat"
    else:
        assert REPEAT in again
        assert REPEAT not in body
        assert channel.repeated(body) == again


def test_a_hanging_channel_delays_no_other(desk: Desk) -> None:
    with web_server() as hanging:
        hanging.answers = [Answer(200, "ok", delay=4)]
        desk.env["PULSE_SLACK_WEBHOOK"] = f"{hanging.base}/slack"
        desk.http.timeout = 30
        began = time.monotonic()
        report = desk.run(project(SLACK, TEAMS, N8N, EMAIL), deadline=1.0)
        took = time.monotonic() - began
    assert report.counts == {"failed": 1, "sent": 3}
    assert took < 3, "the deadline of the channel that hangs is all that is waited for"
    row = next(d for d in desk.store.deliveries() if d["channel"] == "slack")
    assert (row["status"], row["reason"]) == ("failed", "slack did not answer within 1 s; it may have arrived")
    assert row["sent_at"] is not None


def test_two_slow_channels_are_waited_for_at_the_same_time(desk: Desk) -> None:
    desk.http.timeout = 30
    desk.web.answers = [Answer(200, "ok", delay=1.0)]
    began = time.monotonic()
    assert desk.run(project(SLACK, TEAMS, N8N)).counts == {"sent": 3}
    assert time.monotonic() - began < 2.5, "one after the other they took three seconds"


def test_a_dead_channel_opens_its_circuit_and_is_tried_again_with_one_message(desk: Desk) -> None:
    for n, segment in enumerate(("whales", "newcomers")):
        desk.store.incident(f"id{n}", segment_id=segment)
    desk.web.answers = [Answer(503, "down")]
    assert desk.run(project(SLACK)).counts == {"failed": 3}
    assert len(desk.web.got) == 3, "three tries of the first message, none of the others"
    reasons = sorted(d["reason"] for d in desk.store.deliveries())
    assert reasons[1:] == ["circuit open, not tried: Slack (127.0.0.1/…) answered 503: a fault on its side"] * 2 or (
        sum(r.startswith("circuit open, not tried: ") for r in reasons) == 2
    )
    assert desk.run(project(SLACK)).counts == {"failed": 3}
    assert len(desk.web.got) == 4, "while it is open, one try of one message"
    desk.web.answers = [FINE]
    assert desk.run(project(SLACK)).counts == {"sent": 3}, "and when that is taken, the others follow"


def test_what_is_missing_stands_in_the_next_message_that_gets_through_and_in_the_report(desk: Desk) -> None:
    desk.env["PULSE_SLACK_WEBHOOK"] = f"{desk.web.base}/slack"
    desk.web.answers = [Answer(404, "no_service")]
    desk.run(project(SLACK))
    desk.web.answers = [FINE]
    desk.store.incident("other", segment_id="whales")
    both = project(SLACK, CONSOLE)
    desk.run(both, channel="console")
    gap = (
        "slack via growth (PULSE_SLACK_WEBHOOK): 1 message since 14 May 2026;"
        " Slack (127.0.0.1/…) answered 404: no_service"
    )
    told = [m for m in desk.said if "Not delivered elsewhere" in m]
    assert len(told) == 1, "one of the two messages says it"
    assert gap in " ".join(told[0].split())  # it is wrapped
    gaps = [g.sentence() for g in undelivered(desk.store, both, D)]  # type: ignore[arg-type]
    assert gaps == [gap]


def test_an_incident_that_is_over_or_a_target_that_is_gone_is_missing_nowhere(desk: Desk) -> None:
    desk.web.answers = [Answer(404, "no_service")]
    desk.run(project(SLACK))
    assert undelivered(desk.store, project(CONSOLE), D) == []  # type: ignore[arg-type]
    desk.store.set(INCIDENT, status="ignored")
    assert undelivered(desk.store, project(SLACK), D) == []  # type: ignore[arg-type]


def test_a_target_that_is_set_up_wrongly_is_a_failure_and_not_a_silence(desk: Desk) -> None:
    desk.env["PULSE_SLACK_WEBHOOK"] = "hooks.slack.com/services/T0/B0/x"
    report = desk.run(project(SLACK))
    assert report.counts == {"failed": 1}
    assert "PULSE_SLACK_WEBHOOK is not a web address" in report.undelivered[0].sentence()


def test_a_second_run_of_the_date_still_says_that_nothing_arrived(desk: Desk) -> None:
    desk.web.answers = [Answer(404, "no_service")]
    desk.run(project(SLACK))
    again = desk.run(project(SLACK))
    assert (again.deliveries, [g.messages for g in again.undelivered]) == ([], [1])


def test_undelivered_alerts_have_an_exit_code_of_their_own() -> None:
    assert UndeliveredError("x").exit_code == 4
    assert alert_cli.UndeliveredError is UndeliveredError
