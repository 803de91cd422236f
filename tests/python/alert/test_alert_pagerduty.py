"""PagerDuty keeps one incident per conversation: triggered, acknowledged and resolved by one dedup key."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.pagerduty import MAX_BYTES
from tests.python.alert.channel_case import KEY, SECRET, case
from tests.python.alert.desk import INCIDENT, Desk
from tests.python.alert.servers import Answer, Web
from tests.python.alert.store import D, project
from tests.python.alert.test_alert_channels import EVIL, HUGE, message
from tests.python.alert.test_alert_routes import taken

# https://developer.pagerduty.com/docs/send-alert-event
TOP = {"routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"}
PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


def test_an_incident_is_triggered_acknowledged_and_resolved_under_one_key(desk: Desk) -> None:
    made = project(case("pagerduty", desk.web.base).settings)
    desk.env |= case("pagerduty", desk.web.base).env
    desk.web.answers = [Answer(202, "{}")]
    desk.run(made)
    taken(desk, "ana", 1)
    desk.run(made, hours=2)
    desk.store.set(INCIDENT, status="resolved", resolution="person", resolved_on=D + timedelta(days=1))
    desk.run(made, days=1)
    events = [json.loads(g.body) for g in desk.web.got]
    assert {g.path for g in desk.web.got} == {"/v2/enqueue"}
    assert [e["event_action"] for e in events] == ["trigger", "acknowledge", "resolve"]
    assert len({e["dedup_key"] for e in events}) == 1
    assert {e["routing_key"] for e in events} == {SECRET}
    trigger = events[0]
    assert trigger["payload"]["severity"] == "error"
    assert trigger["payload"]["component"] == "vip"
    assert "payload" not in events[1]
    assert SECRET not in json.dumps([d["body"] for d in desk.store.deliveries()])


@pytest.mark.parametrize("text", [message(), message(EVIL), HUGE], ids=["plain", "evil", "huge"])
def test_an_event_has_the_fields_and_limits_of_the_api(text: object) -> None:
    body = CHANNELS["pagerduty"].render(text, KEY).body  # type: ignore[arg-type]
    event = json.loads(body)
    assert len(body.encode()) <= MAX_BYTES
    assert set(event) <= TOP
    assert set(event["payload"]) == PAYLOAD
    assert event["event_action"] == "trigger"
    assert 0 < len(event["dedup_key"]) <= 255
    assert 0 < len(event["payload"]["summary"]) <= 1024
    assert event["payload"]["severity"] in ("critical", "error", "warning", "info")


def test_an_answer_that_is_not_pagerdutys_is_no_yes(web: Web, edge: object) -> None:
    web.answers = [Answer(200, "<html>sign in</html>")]
    with pytest.raises(Exception, match="not as PagerDuty does"):
        case("pagerduty", web.base).send(edge)  # type: ignore[arg-type]
