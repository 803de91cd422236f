"""The stage as a whole: told once, frozen before it is sent, safe to kill at any point."""

from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from pulse_runner.alert.readiness import check_channels
from pulse_runner.alert.stage import Trial, send_test
from pulse_runner.errors import UsageError
from pulse_runner.segments.model import Project
from tests.python.alert.desk import INCIDENT, SECRET, Desk
from tests.python.alert.servers import Answer, Web
from tests.python.alert.store import CONSOLE, EMAIL, N8N, NOW, SLACK, TEAMS, D, Store, project


def test_an_incident_is_told_once_however_often_the_stage_runs(desk: Desk) -> None:
    first = desk.run(project(SLACK))
    again = desk.run(project(SLACK))
    assert (first.counts, again.counts, len(desk.web.got)) == ({"sent": 1}, {}, 1)
    row = desk.store.deliveries()[0]
    assert {k: row[k] for k in ("incident_id", "notification", "route", "channel", "target", "status", "attempts", "reason")} == {
        "incident_id": INCIDENT, "notification": "opened", "route": "growth", "channel": "slack",
        "target": "PULSE_SLACK_WEBHOOK", "status": "sent", "attempts": 1, "reason": "it is seen for the first time",
    }  # fmt: skip
    assert (row["snapshot_date"], row["planned_at"]) == (D, NOW)
    assert row["sent_at"] == NOW + timedelta(seconds=5)
    assert row["body"] == desk.web.got[0].body, "what is stored is what was sent"
    assert [q.reason for q in again.quiet] == ["told on 2026-05-14; a reminder follows on 2026-05-21"]
    assert again.sentence() == "nothing to tell"


def test_a_whole_life_is_told_in_four_messages(desk: Desk) -> None:
    definitions = project(SLACK)
    desk.run(definitions)
    desk.store.worsen(INCIDENT, "critical", D + timedelta(days=2), NOW + timedelta(days=2))
    for days in range(1, 12):
        desk.run(definitions, days)
    desk.store.set(INCIDENT, status="resolved", resolution="recovered", resolved_on=D + timedelta(days=12))
    for days in (12, 13):
        desk.run(definitions, days)
    told = [(d["notification"], (d["snapshot_date"] - D).days) for d in desk.store.deliveries()]
    assert told == [("opened", 0), ("worsened", 2), ("reminder", 9), ("resolved", 12)]
    assert [json.loads(g.body)["text"].split(":")[0] for g in desk.web.got] == [
        "[high] High-Value Active Users fell 42 %", "[critical] Worse", "[critical] Still open after 9 days", "Recovered",
    ]  # fmt: skip


def test_every_channel_of_a_route_gets_the_message(desk: Desk) -> None:
    desk.web.answers = [Answer(200, "ok")]
    report = desk.run(project(SLACK, EMAIL, TEAMS, N8N, CONSOLE))
    assert report.counts == {"sent": 5}
    assert sorted(g.path for g in desk.web.got) == ["/emails", f"/n8n/{SECRET}", f"/slack/{SECRET}", f"/teams/{SECRET}"]
    assert len(desk.said) == 1
    assert desk.said[0].startswith("HIGH  High-Value Active Users fell 42 %: 580 members on 14 May, 1,000 expected")
    assert "▇▁\n  4 May to 14 May: 1,000 → 580; axis from 580 to 1,060" in desk.said[0]


def test_one_cause_is_one_message_and_a_delivery_per_incident(desk: Desk) -> None:
    for n, segment in enumerate(("whales", "newcomers")):
        desk.store.incident(f"id{n}", group_key=INCIDENT, segment_id=segment)
    report = desk.run(project(SLACK))
    assert (report.counts, len(desk.web.got)) == ({"sent": 1}, 1)
    rows = desk.store.deliveries()
    assert len(rows) == 3
    assert len({r["idempotency_key"] for r in rows}) == 1
    assert "· 2 more with the same cause" in desk.web.got[0].body


def test_a_variable_that_is_not_set_sends_to_the_screen_and_is_no_error(desk: Desk) -> None:
    report = desk.run(project(SLACK, TEAMS), env={})
    assert report.counts == {"skipped": 2}
    assert [(d["status"], d["reason"]) for d in desk.store.deliveries()] == [
        ("skipped", "slack is not set up: PULSE_SLACK_WEBHOOK is not set"),
        ("skipped", "teams is not set up: PULSE_TEAMS_WEBHOOK is not set"),
    ]
    assert len(desk.said) == 1, "two channels that are not set up print one message"
    again = desk.run(project(SLACK, TEAMS), env={})
    assert len(desk.said) == 1, "and only once"
    assert again.quiet[0].reason == "slack is not set up: PULSE_SLACK_WEBHOOK is not set (as before)"
    desk.run(project(SLACK, TEAMS), env={}, dry_run=True)
    assert len(desk.said) == 3, "but a dry run shows it whenever it is asked"
    assert desk.run(project(SLACK, TEAMS)).counts == {"sent": 2}, "once the variables are set, it is told"
    assert desk.statuses() == [("opened", "slack", "sent"), ("opened", "teams", "sent")]


def test_a_dry_run_prints_what_would_be_sent_and_writes_and_sends_nothing(desk: Desk) -> None:
    report = desk.run(project(SLACK, EMAIL), dry_run=True)
    assert (report.counts, desk.store.deliveries(), desk.web.got) == ({"planned": 2}, [], [])
    assert report.sentence() == "2 would be sent"
    desk.run(project(SLACK, EMAIL))
    slack, email = desk.said
    assert slack.startswith(
        "--- slack via growth to PULSE_SLACK_WEBHOOK: opened, because it is seen for the first time\n{"
    )
    bodies = {d["channel"]: d["body"] for d in desk.store.deliveries()}
    assert slack.split("\n", 1)[1].strip() == bodies["slack"], "to the letter"
    assert email.split("\n", 1)[1].strip() == bodies["email"]


def test_a_fault_that_passes_is_waited_out_within_the_run(desk: Desk) -> None:
    desk.web.answers = [Answer(500, "oops"), Answer(429, "slow", (("Retry-After", "7"),)), Answer(200, "ok")]
    desk.run(project(SLACK))
    row = desk.store.deliveries()[0]
    assert (row["status"], row["attempts"], row["reason"]) == ("sent", 3, "delivered at try 3")
    assert desk.waits == [1.0, 7.0]


def test_a_fault_that_stays_is_left_to_the_next_run(desk: Desk) -> None:
    desk.web.answers = [Answer(503, "down")]
    report = desk.run(project(SLACK))
    assert report.counts == {"failed": 1}
    row = desk.store.deliveries()[0]
    assert (row["status"], row["attempts"], row["sent_at"]) == ("failed", 3, None)
    assert row["reason"] == "Slack (127.0.0.1/…) answered 503: a fault on its side"
    desk.web.answers = [Answer(200, "ok")]
    desk.run(project(SLACK), 1)
    row = desk.store.deliveries()[0]
    assert (row["status"], row["attempts"], row["snapshot_date"]) == ("sent", 4, D)
    assert len({g.body for g in desk.web.got}) == 1, "the body is frozen: every try sends the same"


def test_a_channel_that_asks_for_a_long_pause_is_not_waited_for(desk: Desk) -> None:
    desk.web.answers = [Answer(429, "slow", (("Retry-After", "120"),))]
    desk.run(project(SLACK))
    row = desk.store.deliveries()[0]
    assert (row["status"], row["attempts"], desk.waits) == ("failed", 1, [])
    assert row["reason"].endswith("(it asks to wait 120 s)")


def test_a_final_refusal_is_given_up_and_planned_anew_on_a_later_date_or_on_request(desk: Desk) -> None:
    desk.web.answers = [Answer(404, "no_service"), Answer(404, "no_service"), Answer(200, "ok")]
    assert desk.run(project(SLACK)).counts == {"given_up": 1}
    assert desk.run(project(SLACK)).counts == {}, "the same date does not try again by itself"
    assert desk.run(project(SLACK), retry=True).counts == {"given_up": 1}
    assert desk.run(project(SLACK), 1).counts == {"sent": 1}
    assert desk.statuses() == [
        ("opened", "slack", "given_up"),
        ("opened", "slack", "given_up"),
        ("opened", "slack", "sent"),
    ]


def test_what_cannot_be_delivered_is_given_up_after_three_days(desk: Desk) -> None:
    desk.web.answers = [Answer(503, "down")]
    for days in (0, 1):
        desk.run(project(SLACK), days)
    assert desk.run(project(SLACK), 4).counts == {"given_up": 1}
    row = desk.store.deliveries()[0]
    assert (row["status"], row["attempts"]) == ("given_up", 4), "three tries, and one while the circuit is open"
    assert row["reason"].startswith(
        "not delivered after 4 tries since 2026-05-15 06:00:00: Slack (127.0.0.1/…) answered 503"
    )


# writes of pulse_alert_deliveries per message: 1 planned, 2 try begun, (send), 3 sent
@pytest.mark.parametrize(
    ("writes", "requests_before", "status_before", "target", "requests_after", "status_after"),
    [
        (0, 0, [], SLACK, 1, "sent"),
        (1, 0, [("planned", 0)], SLACK, 1, "sent"),
        (2, 1, [("planned", 1)], SLACK, 2, "sent"),
        (3, 1, [("sent", 1)], SLACK, 1, "sent"),
        (2, 1, [("planned", 1)], N8N, 2, "sent"),
        (2, 1, [("planned", 1)], EMAIL, 2, "sent"),
    ],
    ids=["before planning", "before sending", "in mid-send", "after all", "in mid-send to n8n", "in mid-send to Resend"],
)  # fmt: skip
def test_a_crash_loses_nothing_and_a_repeat_is_recognised_or_marked(
    desk: Desk,
    writes: int,
    requests_before: int,
    status_before: list[Any],
    target: Any,
    requests_after: int,
    status_after: str,
) -> None:
    desk.store.crash_after = writes
    if writes < 3:
        with pytest.raises(KeyboardInterrupt):
            desk.run(project(target))
    else:
        desk.run(project(target))
    assert len(desk.web.got) == requests_before
    assert [(d["status"], d["attempts"]) for d in desk.store.deliveries()] == status_before
    desk.store.crash_after = None
    desk.run(project(target))
    assert len(desk.web.got) == requests_after
    assert [d["status"] for d in desk.store.deliveries()] == [status_after]
    keys = {g.headers.get("idempotency-key") or g.headers.get("x-pulse-delivery") for g in desk.web.got}
    assert len(keys) == 1, "a repeat carries the same key"
    marked = ["Possible repeat" in g.body for g in desk.web.got]
    assert marked == ([False, True] if target is SLACK and len(desk.web.got) == 2 else [False] * len(desk.web.got))
    assert marked[-1] or len({g.body for g in desk.web.got}) == 1
    assert desk.run(project(target), 1).deliveries == [], "so that nothing follows the day after"


def test_news_of_an_incident_that_is_over_by_now_is_not_sent(desk: Desk) -> None:
    desk.web.answers = [Answer(503, "down")]
    desk.run(project(SLACK))
    desk.store.set(INCIDENT, status="resolved", resolution="recovered", resolved_on=D + timedelta(days=1))
    desk.web.answers = [Answer(200, "ok")]
    desk.web.got.clear()
    desk.run(project(SLACK), 1)
    row = desk.store.deliveries()[0]
    assert (row["status"], row["reason"]) == ("skipped", "it was over before the message could be sent")
    assert desk.web.got == []


def test_a_waiting_message_whose_target_was_removed_is_given_up(desk: Desk) -> None:
    desk.web.answers = [Answer(503, "down")]
    desk.run(project(SLACK))
    desk.run(project(CONSOLE))
    row = next(d for d in desk.store.deliveries() if d["channel"] == "slack")
    assert (row["status"], row["reason"]) == ("given_up", "route growth has no such slack target any more")


def test_incidents_that_were_detected_later_or_ended_untold_are_left_alone(desk: Desk) -> None:
    desk.store.set(INCIDENT, detected_on=D + timedelta(days=1))
    desk.store.incident(
        "old",
        status="resolved",
        resolution="recovered",
        resolved_on=D - timedelta(days=3),
        detected_on=D - timedelta(days=9),
    )
    assert desk.run(project(SLACK)).deliveries == []
    assert desk.run(project(SLACK), 1).counts == {"sent": 1}


def test_a_withheld_message_is_stored_once_with_its_reason(desk: Desk) -> None:
    definitions = project(SLACK, min_severity="critical")
    for days in (0, 1, 2):
        desk.run(definitions, days)
    assert [(d["status"], d["reason"]) for d in desk.store.deliveries()] == [
        ("skipped", "severity high is below critical, where route growth begins")
    ]
    assert desk.said == [], "withheld means withheld: nothing on the screen"
    desk.store.worsen(INCIDENT, "critical", D + timedelta(days=3), NOW + timedelta(days=3))
    assert desk.run(definitions, 3).counts == {"sent": 1}


def test_channel_and_incident_narrow_the_work(desk: Desk) -> None:
    desk.store.incident("other", segment_id="whales")
    desk.run(project(SLACK, TEAMS), channel="teams", incident_id="other")
    assert [(d["incident_id"], d["channel"]) for d in desk.store.deliveries()] == [("other", "teams")]


def test_two_messages_to_one_channel_keep_a_pause_between_them(desk: Desk) -> None:
    desk.store.incident("other", segment_id="whales")
    desk.run(project(SLACK))
    assert len(desk.web.got) == 2
    assert desk.waits == [1.1]


@pytest.mark.parametrize("answer", [Answer(500, "x", echo=True), Answer(403, "x", echo=True), Answer(hang_up=True), Answer(200, "ok")],
                         ids=["500", "403", "hang-up", "accepted"])  # fmt: skip
def test_no_secret_reaches_a_table_the_screen_or_the_log(
    desk: Desk, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.web.answers = [answer]
    report = desk.run(project(SLACK, EMAIL, TEAMS, N8N, CONSOLE))
    tables = "".join(str(desk.store.query(f"select * from {t}")) for t in ("pulse_alert_deliveries", "pulse_incidents"))
    for place in (tables, str(desk.said), caplog.text, repr(report), report.sentence()):
        assert SECRET not in place
    assert "growth@example.com" not in tables, "recipients are not stored"


def test_a_repeat_interval_that_is_no_number_is_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match="PULSE_REPEAT_DAYS must be a whole number of days"):
        desk.run(project(SLACK), env={"PULSE_REPEAT_DAYS": "weekly"})


@pytest.mark.parametrize(
    ("row", "plant", "spark"),
    [
        ({"detector": "reach_drop", "metric": "reach:email"},
         lambda s, day, v: s.insert("pulse_segment_reach", segment_id="vip", snapshot_date=day, channel="email", reach_rate=v),
         "50.0 % → 25.0 %"),
        ({"detector": "distribution_shift", "metric": "distribution", "attribute": "country", "bucket": "DE"},
         lambda s, day, v: s.insert("pulse_segment_distributions", segment_id="vip", snapshot_date=day, attribute="country",
                                    bucket="DE", share=v),
         "50.0 % → 25.0 %"),
        ({"segment_id": "", "detector": "entity_health", "metric": "null_share", "attribute": "ltv"},
         lambda s, day, v: s.insert("pulse_entity_health", entity="customers", snapshot_date=day, column_name="ltv", null_share=v),
         "50.0 % → 25.0 %"),
        ({"segment_id": "", "detector": "entity_health", "metric": "rows"},
         lambda s, day, v: s.insert("pulse_entity_health", entity="customers", snapshot_date=day, column_name="(rows)",
                                    rows=int(v * 1000)),
         "500 → 250"),
    ],
    ids=["reach", "share of a bucket", "nulls of a column", "rows"],
)  # fmt: skip
def test_the_history_is_that_of_the_incidents_metric(
    store: Store, web: Web, http: httpx.Client, row: Any, plant: Any, spark: str
) -> None:
    store.incident(**row, lower_bound=None, upper_bound=None)
    for back, value in ((2, 0.5), (1, 0.5), (0, 0.25)):
        plant(store, D - timedelta(days=back), value)
    desk = Desk(store, web, http)
    desk.run(project(CONSOLE))
    assert f"Last 3 days:\n  ██▁\n  12 May to 14 May: {spark}; axis from" in desk.said[0]


def test_a_bucket_that_is_not_there_yet_has_nobody_in_it(store: Store, web: Web, http: httpx.Client) -> None:
    store.incident(metric="distribution", attribute="country", bucket="UK", lower_bound=0.0, upper_bound=0.02)
    for back, bucket in ((2, "GB"), (1, "GB"), (0, "UK")):
        day = D - timedelta(days=back)
        store.insert(
            "pulse_segment_distributions",
            segment_id="vip",
            snapshot_date=day,
            attribute="country",
            bucket=bucket,
            share=0.3,
        )
    desk = Desk(store, web, http)
    desk.run(project(CONSOLE))
    assert "  ▁▁█\n  12 May to 14 May: 0.0 % → 30.0 %" in desk.said[0]


def test_the_address_of_the_report_becomes_a_button_and_a_wrong_one_is_refused(desk: Desk) -> None:
    desk.env["PULSE_REPORT_URL"] = "https://reports.example.com/pulse.html#{incident}"
    desk.run(project(SLACK, TEAMS, EMAIL, N8N))
    where = f"https://reports.example.com/pulse.html#{INCIDENT}"
    bodies = {d["channel"]: json.loads(d["body"]) for d in desk.store.deliveries()}
    buttons = [e for b in bodies["slack"]["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert [b["url"] for b in buttons] == [where]
    (row,) = [e for e in bodies["teams"]["attachments"][0]["content"]["body"] if e["type"] == "ActionSet"]
    assert [a.get("url") for a in row["actions"]] == [where, None]
    assert f'<a href="{where}"' in bodies["email"]["html"]
    assert bodies["n8n"]["report_url"] == where
    with pytest.raises(UsageError, match="PULSE_REPORT_URL is not a web address"):
        desk.run(project(SLACK), env={"PULSE_REPORT_URL": "javascript:alert(1)"})


# --- test messages and checks -------------------------------------------------------------------------------------------


def send(desk: Desk, definitions: Project, route: str = "growth") -> list[Trial]:
    at = datetime(2026, 5, 15, 6, tzinfo=UTC)
    return send_test(definitions, route, at, desk.env, out=desk.said.append, http=desk.http, clock=lambda: at)


def test_a_test_message_goes_to_every_target_and_is_not_stored(desk: Desk) -> None:
    desk.web.answers = [Answer(200, "ok"), Answer(404, "no_service")]
    rows = send(desk, project(SLACK, TEAMS, CONSOLE))
    assert [(t.address.channel, t.status) for t in rows] == [
        ("slack", "sent"),
        ("teams", "failed"),
        ("console", "sent"),
    ]
    assert rows[1].reason == "Teams (127.0.0.1/…) answered 404: there is nothing at this address"
    assert json.loads(desk.web.got[0].body)["text"] == "Test message: the route growth reaches you"
    assert desk.store.deliveries() == []


def test_testing_a_route_that_does_not_exist_names_those_that_do(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"No route 'grwoth'\. Routes: growth\."):
        send(desk, project(SLACK), "grwoth")


def test_the_doctor_says_of_every_target_whether_it_is_set_up() -> None:
    definitions = project(SLACK, TEAMS, EMAIL, CONSOLE)
    env = {"PULSE_TEAMS_WEBHOOK": f"http://teams.example.com/{SECRET}", "PULSE_EMAIL_FROM": "p@example.com",
           "PULSE_SMTP_URL": f"smtp://u:{SECRET}@mail.example.com"}  # fmt: skip
    checks = check_channels(definitions, env)
    assert [(c.name, c.status) for c in checks] == [
        ("slack (growth)", "off"), ("teams (growth)", "fail"), ("email (growth)", "ok"), ("console (growth)", "ok"),
    ]  # fmt: skip
    assert checks[0].detail == "PULSE_SLACK_WEBHOOK is not set"
    assert checks[1].detail == "PULSE_TEAMS_WEBHOOK must begin with https://, or its secret travels in the open"
    assert "by SMTP at mail.example.com:587" in checks[2].detail
    assert SECRET not in repr(checks)


def test_the_doctor_names_segments_that_nobody_hears_about() -> None:
    base = project(SLACK, segments=("vip",))
    vip = base.segments["vip"]
    silent = Project(base.entities, {"vip": type(vip)(**{**vars(vip), "alerts": ()})}, base.routes)
    assert [(c.name, c.status, c.detail) for c in check_channels(silent, {})][-1] == (
        "segments without a route",
        "warn",
        "vip",
    )


def test_days_are_those_of_the_snapshots_not_of_the_clock(desk: Desk) -> None:
    desk.run(project(SLACK))
    assert desk.store.deliveries()[0]["snapshot_date"] == date(2026, 5, 14)
