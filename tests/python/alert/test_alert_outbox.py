"""Who is told what, and why: one decision with its reason at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from pulse_runner.alert.channels.email import EmailSettings
from pulse_runner.alert.channels.slack import SlackSettings
from pulse_runner.alert.delivery import Delivery
from pulse_runner.alert.outbox import decide, grouped, message_key
from pulse_runner.alert.outbox import plan as plan_at
from pulse_runner.alert.routing import Address, addresses
from pulse_runner.alert.situation import Situation
from pulse_runner.incidents.incident import IncidentEvent
from pulse_runner.segments.model import Field, FieldLeaf, Project, Route, SegmentLeaf
from tests.python.alert.store import CONSOLE, EMAIL, NOW, SLACK, TEAMS, D, incident, project


def plan(*args: Any, **options: Any) -> Any:
    return plan_at(*args, **{"situation": Situation(NOW), **options})


HERE = Address("growth", "low", SLACK)


def told(notification: str = "opened", days: int = 0, **changes: object) -> Delivery:
    at = NOW + timedelta(days=days)
    values: dict[str, Any] = {
        "delivery_id": "d1", "incident_id": "aaaa1111bbbb2222", "route": "growth", "channel": "slack",
        "target": "PULSE_SLACK_WEBHOOK", "notification": notification, "status": "sent", "attempts": 1, "reason": "",
        "subject": "", "body": "", "idempotency_key": "k", "snapshot_date": D + timedelta(days=days), "planned_at": at,
        "sent_at": at, **changes,
    }  # fmt: skip
    return Delivery(**values)


def worsened(days: int, at: datetime | None = None) -> IncidentEvent:
    return IncidentEvent(
        event_id=f"e{days}",
        incident_id="aaaa1111bbbb2222",
        occurred_at=at or NOW + timedelta(days=days),
        snapshot_date=D + timedelta(days=days),
        event="worsened",
        from_status="open",
        to_status="open",
        actor="pulse",
        reason="",
    )


def at(days: int) -> Any:
    return D + timedelta(days=days)


@pytest.mark.parametrize(
    ("row", "events", "past", "days", "verdict", "notification", "reason"),
    [
        ({}, [], [], 0, "send", "opened", "it is seen for the first time"),
        ({}, [], [told()], 0, "quiet", "", "told on 2026-05-14; a reminder follows on 2026-05-21"),
        ({}, [worsened(2)], [told()], 2, "send", "worsened", "its severity rose to high"),
        ({}, [worsened(2)], [told(), told("worsened", 2)], 3, "quiet", "", "told on 2026-05-16; a reminder follows on 2026-05-23"),
        ({}, [worsened(0)], [told()], 0, "quiet", "", "told on 2026-05-14; a reminder follows on 2026-05-21"),
        ({}, [], [told()], 6, "quiet", "", "told on 2026-05-14; a reminder follows on 2026-05-21"),
        ({}, [], [told()], 7, "send", "reminder", "7 days have passed since the last message"),
        ({"status": "resolved"}, [], [told()], 3, "send", "resolved", "all incidents of this cause are resolved"),
        ({"status": "resolved"}, [], [told(), told("resolved", 3)], 4, "quiet", "", "its end was told"),
        ({"status": "resolved"}, [], [], 3, "quiet", "", "it was over before anyone was told"),
        ({}, [], [told(), told("resolved", 3)], 4, "send", "opened", "it is back after its end was told"),
        ({"status": "ignored"}, [], [told()], 9, "quiet", "", "ignored by a person"),
        ({"status": "acknowledged", "assignee": "ana"}, [worsened(2)], [told()], 2, "skip", "worsened",
         "acknowledged: ana has it in hand"),
        ({"status": "acknowledged", "assignee": "ana"}, [worsened(2)], [told()], 7, "send", "reminder",
         "7 days have passed since the last message"),
        ({"status": "acknowledged", "assignee": "ana"}, [], [], 0, "skip", "opened", "acknowledged: ana has it in hand"),
        ({}, [], [told(status="planned", sent_at=None)], 1, "quiet", "", "a message is under way"),
        ({}, [], [told(status="failed", sent_at=None)], 1, "quiet", "", "a message is under way"),
        ({}, [], [told(status="given_up", sent_at=None)], 0, "quiet", "",
         "given up on this date; `pulse alert --retry` tries again"),
        ({}, [], [told(status="given_up", sent_at=None)], 1, "send", "opened",
         "it is seen for the first time, after a message that was given up"),
        ({}, [], [told(status="given_up")], 1, "send", "opened",
         "it is seen for the first time, after a message that may not have arrived"),
        ({"status": "resolved"}, [], [told(status="given_up")], 1, "send", "resolved",
         "all incidents of this cause are resolved, after a message that may not have arrived"),
        ({}, [], [told(status="skipped", sent_at=None)], 0, "send", "opened", "it is seen for the first time"),
    ],
    ids=[
        "first seen", "told today", "worsened", "worsening told", "worse before it was told", "before the interval",
        "interval elapsed", "resolved", "end told", "over before", "back again", "ignored", "worse but in hand",
        "in hand and interval elapsed", "in hand and never told", "planned", "failed", "given up today", "given up before",
        "given up but perhaps arrived", "over, and its message perhaps arrived", "skipped before",
    ],
)  # fmt: skip
def test_a_decision_states_its_reason(
    row: dict[str, object],
    events: list[Any],
    past: list[Any],
    days: int,
    verdict: str,
    notification: str,
    reason: str,
) -> None:
    made = decide(incident(**row), events, past, HERE, at(days))  # type: ignore[arg-type]
    assert (made.choice, made.reason) == (verdict, reason)
    if notification:
        assert made.notification == notification


def test_a_severity_below_the_routes_is_withheld() -> None:
    high = Address("growth", "high", SLACK)
    made = decide(incident(severity="medium"), [], [], high, D)
    assert (made.choice, made.reason) == ("skip", "severity medium is below high, where route growth begins")
    assert decide(incident(severity="high"), [], [], high, D).choice == "send"


def test_reminders_can_be_switched_off() -> None:
    made = decide(incident(), [], [told()], HERE, at(90), repeat_days=0)
    assert (made.choice, made.reason) == ("quiet", "told on 2026-05-14")


def test_retry_plans_a_new_delivery_with_a_new_id() -> None:
    first = decide(incident(), [], [], HERE, D)
    again = decide(incident(), [], [told(status="given_up", sent_at=None)], HERE, D, retry=True)
    assert again.choice == "send"
    assert again.delivery_id != first.delivery_id


def test_the_same_decision_has_the_same_id_and_another_target_another() -> None:
    one, two = decide(incident(), [], [], HERE, D), decide(incident(), [], [], HERE, at(1))
    assert one.delivery_id == two.delivery_id
    other = Address("growth", "low", SlackSettings(channel="slack", url_env="PULSE_OTHER_WEBHOOK"))
    assert decide(incident(), [], [], other, D).delivery_id != one.delivery_id


def test_one_cause_is_one_message_per_target() -> None:
    incidents = [incident(f"id{n}", group_key="g" if n < 3 else f"id{n}", segment_id=s)
                 for n, s in enumerate(("vip", "whales", "newcomers", "vip"))]  # fmt: skip
    decisions, nowhere = plan(incidents, {}, {}, project(SLACK, CONSOLE), D)
    messages = grouped(decisions, incidents)
    assert nowhere == []
    assert [(m[0].address.channel, [d.incident_id for d in m]) for m in messages] == [
        ("slack", ["id0", "id1", "id2"]), ("console", ["id0", "id1", "id2"]), ("slack", ["id3"]), ("console", ["id3"]),
    ]  # fmt: skip
    assert len({message_key(m) for m in messages}) == 4
    assert message_key(messages[0]) == message_key(list(reversed(messages[0])))


def test_the_end_is_told_when_all_incidents_of_the_cause_are_over() -> None:
    over = incident("id0", group_key="g", status="resolved")
    still = incident("id1", group_key="g", segment_id="whales")
    past = {i: [told(incident_id=i)] for i in ("id0", "id1")}
    decisions, _ = plan([over, still], {}, past, project(SLACK), at(1))
    assert (decisions[0].choice, decisions[0].reason) == (
        "quiet",
        "1 of its cause still open; told when all are over",
    )
    decisions, _ = plan([over, replace(still, status="resolved")], {}, past, project(SLACK), at(1))
    assert [(d.choice, d.notification) for d in decisions] == [("send", "resolved"), ("send", "resolved")]


def test_what_joins_a_story_that_is_known_is_news_only_where_it_is_worse_or_of_another_segment() -> None:
    known, joins = incident("id0", group_key="g"), incident("id1", group_key="g", segment_id="", detected_on=at(1))
    past = {"id0": [told(incident_id="id0")]}

    def decided(day: int, **changes: Any) -> tuple[str, str]:
        decisions, _ = plan([known, replace(joins, **changes)], {}, past, project(SLACK), at(day))
        return decisions[1].choice, decisions[1].reason

    assert decided(1) == ("quiet", f"part of id0, which was told on {D}")
    assert decided(1, severity="critical")[0] == "send"
    assert decided(1, group_key="another")[0] == "send"
    assert decided(1, segment_id="whales") == ("send", "its cause is known from 1 other incident")
    assert decided(7) == ("send", "it is part of a cause of which a reminder is due")
    over = replace(known, status="resolved")
    decisions, _ = plan([over, joins], {}, past, project(SLACK), at(1))
    assert [d.choice for d in decisions] == ["quiet", "send"], "the end waits for what joined; that is told now"


def test_an_entitys_incident_goes_to_the_routes_of_its_segments() -> None:
    found = addresses(project(SLACK, EMAIL), incident(segment_id=""))
    assert not isinstance(found, str)
    assert [a.key for a in found] == [
        ("growth", "slack", "PULSE_SLACK_WEBHOOK"), ("growth", "email", "g…@example.com, a…@example.com #f0d6"),
    ]  # fmt: skip


def test_an_incident_of_a_column_goes_only_to_the_routes_of_segments_that_read_it() -> None:
    base = project(SLACK, segments=("vip",))
    entity = replace(
        base.entities["customers"],
        fields={n: Field(n, "number") for n in ("ltv", "age", "has_push", "stock")},
        reach={"push": "has_push"},
    )
    grown = replace(base.segments["vip"], name="grown", rule=FieldLeaf("age", ">", (17,)), alerts=("data",))
    through = replace(base.segments["vip"], name="through", rule=SegmentLeaf("vip", "in_segment"), alerts=("crm",))
    routes = {**base.routes, "data": Route("data", (TEAMS,)), "crm": Route("crm", (CONSOLE,))}
    made = Project({"customers": entity}, {"vip": base.segments["vip"], "grown": grown, "through": through}, routes)

    def heard(column: str) -> Any:
        where = addresses(made, incident(segment_id="", detector="entity_health", attribute=column))
        return where if isinstance(where, str) else [a.route for a in where]

    assert heard("age") == ["data"]
    assert heard("ltv") == ["growth", "crm"], "also through a reference"
    assert heard("has_push") == ["growth", "data", "crm"], "everybody's reach comes from it"
    assert heard("") == ["growth", "data", "crm"], "the number of rows is everybody's"
    assert heard("stock") == "no segment reads stock, and there is no route named default"
    made = replace(made, routes={**routes, "default": Route("default", (SLACK,))})
    assert heard("stock") == ["default"]


def test_a_target_in_two_routes_is_told_once_at_the_lower_severity() -> None:
    base = project(SLACK, min_severity="high")
    routes = {**base.routes, "all": Route("all", (SLACK,), "low")}
    vip = base.segments["vip"]
    both = Project(base.entities, {"vip": type(vip)(**{**vars(vip), "alerts": ("growth", "all")})}, routes)
    found = addresses(both, incident())
    assert not isinstance(found, str)
    assert [(a.route, a.min_severity) for a in found] == [("growth", "low")]


def test_an_incident_without_a_route_or_a_definition_says_why_it_goes_nowhere() -> None:
    base = project(SLACK)
    vip = base.segments["vip"]
    silent = Project(base.entities, {"vip": type(vip)(**{**vars(vip), "alerts": ()})}, base.routes)
    assert addresses(silent, incident()) == (
        "no alert route: add `alerts: [ROUTE]` to the segment, or a route named default"
    )
    assert addresses(base, incident(segment_id="gone")) == "segment gone has no definition any more"
    with_default = Project(silent.entities, silent.segments, {"default": Route("default", (CONSOLE,))})
    assert [a.route for a in addresses(with_default, incident())] == ["default"]  # type: ignore[union-attr]


def test_recipients_are_shortened_and_lists_stay_apart() -> None:
    one = EmailSettings(channel="email", to=("gina@example.com",))
    two = EmailSettings(channel="email", to=("growth@example.com",))
    assert one.address.startswith("g…@example.com #")
    assert one.address != two.address
