"""Which routes take an incident, when they may speak, how often, and who is next: on a real server, at any hour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import jsonschema
import pytest

from pulse_runner.alert.channels.n8n_schema import event_schema
from pulse_runner.alert.channels.slack import SlackSettings
from pulse_runner.alert.routing import addresses
from pulse_runner.alert.silences import expire, new_silence, read_silences, save_silence
from pulse_runner.alert.stage import send_test
from pulse_runner.alert.why import why
from pulse_runner.errors import UsageError
from pulse_runner.incidents.store import find_incident
from pulse_runner.segments.model import Project, Route
from pulse_runner.segments.routing import DigestTime, Escalation, Hours, Match
from tests.python.alert.desk import INCIDENT, Desk
from tests.python.alert.servers import Mailbox
from tests.python.alert.store import CONSOLE, EMAIL, N8N, NOW, SLACK, TEAMS, D, incident, project

ONCALL = SlackSettings(channel="slack", url_env="PULSE_ONCALL_WEBHOOK")
EVERY_DAY = tuple(range(7))
MORNING = Hours(time(5), time(8), EVERY_DAY, "UTC")  # NOW is six


def routed(base: Project, **routes: Route) -> Project:
    return replace(base, routes={**base.routes, **routes})


def growth(**changes: Any) -> Project:
    base = project(SLACK)
    return routed(base, growth=replace(base.routes["growth"], **changes))


def routes_of(definitions: Project, cause: str = "", **row: object) -> Any:
    found = addresses(definitions, incident(**row), cause)
    return found if isinstance(found, str) else [a.route for a in found]


@pytest.mark.parametrize(
    ("match", "row", "cause", "takes"),
    [
        ({"owner": ("growth-*",)}, {}, "", True),
        ({"owner": ("crm",)}, {}, "", False),
        ({"tag": ("eu",)}, {}, "", True),
        ({"segment": ("v?p",), "severity": ("high", "critical")}, {}, "", True),
        ({"segment": ("v?p",), "severity": ("high",)}, {"severity": "low"}, "", False),
        ({"entity": ("customers",), "detector": ("size_jump",)}, {}, "", True),
        ({"cause": ("null_burst",)}, {}, "null_burst", True),
        ({"cause": ("null_burst",)}, {}, "", False),
    ],
)
def test_a_route_takes_what_fits_all_that_it_matches(
    match: Mapping[str, tuple[str, ...]], row: dict[str, object], cause: str, takes: bool
) -> None:
    base = project(SLACK)
    tagged = {n: replace(s, tags=("eu", "crm")) for n, s in base.segments.items()}
    made = routed(replace(base, segments=tagged), oncall=Route("oncall", (ONCALL,), match=Match(**match)))
    assert routes_of(made, cause, **row) == (["growth", "oncall"] if takes else ["growth"])


def test_a_route_that_does_not_go_on_ends_the_walk_and_default_takes_what_is_left() -> None:
    every = Match(segment=("*",))
    made = routed(
        growth(goes_on=False), oncall=Route("oncall", (ONCALL,), match=every), default=Route("default", (CONSOLE,))
    )
    assert routes_of(made) == ["growth"]
    alone = replace(made, segments={n: replace(s, alerts=()) for n, s in made.segments.items()})
    assert routes_of(alone) == ["oncall"]
    assert routes_of(routed(alone, oncall=Route("oncall", (ONCALL,)))) == ["default"]


def test_quiet_hours_hold_a_message_until_they_end_and_say_so(desk: Desk) -> None:
    made = growth(quiet_hours=MORNING)
    held = desk.run(made).deliveries
    assert [(d.status, d.reason) for d in held] == [
        ("skipped", "quiet hours: told by the first run from 08:00 on 15 May (UTC) on")
    ]
    assert desk.run(made, hours=1).deliveries == [], "said once"
    assert desk.run(made, hours=2).deliveries[0].status == "sent"
    assert desk.run(made, hours=3).deliveries == []
    assert len(desk.web.got) == 1


def test_business_hours_know_weekends_and_what_is_critical_passes(desk: Desk) -> None:
    office = Hours(time(8), time(18), (0, 1, 2, 3, 4), "Europe/Berlin", always="critical")
    made = growth(business_hours=office)  # six in UTC is eight in Berlin, on a Friday
    assert desk.run(made, hours=-0.1).deliveries[0].reason == (
        "outside of business hours: told by the first run from 08:00 on 15 May (Europe/Berlin) on"
    )
    assert desk.run(made, days=1).deliveries[0].reason.endswith("08:00 on 18 May (Europe/Berlin) on")
    desk.store.set(INCIDENT, severity="critical")
    assert desk.run(made, days=1).deliveries[0].status == "sent"


def test_what_falls_into_quiet_hours_can_be_dropped(desk: Desk) -> None:
    made = growth(quiet_hours=replace(MORNING, then="drop"))
    assert desk.run(made).deliveries[0].reason == "dropped, quiet hours until 08:00 on 15 May (UTC)"
    later = desk.run(made, hours=5)
    assert (later.deliveries, desk.web.got) == ([], [])


def test_what_was_kept_over_quiet_hours_comes_in_one_digest(desk: Desk) -> None:
    for n, segment in enumerate(("whales", "newcomers")):
        desk.store.incident(f"cc{n}0", segment_id=segment)
    made = growth(quiet_hours=replace(MORNING, then="digest"))
    assert {d.status for d in desk.run(made).deliveries} == {"skipped"}
    told = desk.run(made, hours=2).deliveries
    assert len(told) == 3
    assert len({d.idempotency_key for d in told}) == len(desk.web.got) == 1
    assert "Route growth was quiet; this is what happened meanwhile." in desk.web.got[0].body
    assert "3 changes of incidents: 3 high" in desk.web.got[0].body


def test_a_daily_digest_is_one_message_a_day(desk: Desk) -> None:
    desk.store.incident("cc00", segment_id="whales")
    made = growth(digest=DigestTime(time(5), "UTC", always="critical"))
    assert len({d.idempotency_key for d in desk.run(made).deliveries}) == 1
    desk.store.incident("dd00", segment_id="newcomers")
    assert desk.run(made, hours=2).deliveries[0].reason == (
        "kept for a digest: route growth sends the next one at 05:00 on 16 May (UTC)"
    )
    desk.store.incident("ee00", segment_id="newcomers", metric="reach", severity="critical")
    assert [d.incident_id for d in desk.run(made, hours=3).deliveries if d.status == "sent"] == ["ee00"]
    (last,) = desk.run(made, days=1).deliveries
    assert (last.incident_id, last.status) == ("dd00", "sent")


def test_a_digest_that_had_nothing_to_say_at_its_time_waits_for_the_next_one(desk: Desk) -> None:
    made = growth(digest=DigestTime(time(5), "UTC", weekday=NOW.weekday()))
    # the run after five o'clock: there was no incident yet
    desk.store.insert("pulse_runs", run_id="r", stage="alert", outcome="ok", started_at=NOW - timedelta(minutes=5))
    (kept,) = desk.run(made).deliveries
    assert kept.reason.startswith("kept for a digest: route growth sends the next one at 05:00 on ")
    assert desk.run(made, days=6).deliveries == []
    assert [d.status for d in desk.run(made, days=7).deliveries] == ["sent"]


def test_the_budget_of_an_hour_folds_the_rest_and_then_waits(desk: Desk) -> None:
    made = growth(messages_per_hour=2)
    assert [d.status for d in desk.run(made).deliveries] == ["sent"]
    for n in range(4):
        desk.store.incident(f"cc{n}0", segment_id="whales", severity="low")
    told = desk.run(made, hours=0.2).deliveries
    assert len({d.idempotency_key for d in told}) == 2, "one in full, three in a digest"
    assert "More than 2 messages were due in this hour." in desk.web.got[-1].body
    desk.store.incident("dd00", segment_id="newcomers")
    assert desk.run(made, hours=0.4).deliveries[0].reason == (
        "the budget of 2 messages an hour is used up; told by the first run after it"
    )
    assert desk.run(made, hours=1.5).deliveries[0].status == "sent"


def test_a_route_says_its_own_repeat_interval_and_what_shares_a_message(desk: Desk) -> None:
    desk.store.set(INCIDENT, group_key="g")
    desk.store.incident("cc00", segment_id="whales", group_key="g")
    one = growth(repeat_days=2)
    assert len({d.idempotency_key for d in desk.run(one).deliveries}) == 1
    assert [d.notification for d in desk.run(one, 2).deliveries] == ["reminder", "reminder"]
    apart = growth(repeat_days=2, group_by="incident")
    assert len({d.idempotency_key for d in desk.run(apart, 4).deliveries}) == 2
    mixed = growth(repeat_days=2, group_by="owner")
    desk.store.set("cc00", group_key="h")
    assert len({d.idempotency_key for d in desk.run(mixed, 6).deliveries}) == 1
    assert "with the same cause" not in desk.web.got[-1].body


def oncall(**changes: Any) -> Project:
    made = growth(escalate=Escalation(4, "oncall"), **changes)
    return routed(made, oncall=Route("oncall", (ONCALL,), escalate=Escalation(2, "boss")), boss=Route("boss", (TEAMS,)))


def test_nobody_who_acknowledges_within_hours_is_followed_by_the_next_route(desk: Desk) -> None:
    desk.env["PULSE_ONCALL_WEBHOOK"] = f"{desk.web.base}/oncall"
    made = oncall()
    desk.run(made)
    assert desk.run(made, hours=3.9).deliveries == []
    (next_,) = desk.run(made, hours=4.1).deliveries
    assert (next_.route, next_.notification, next_.status) == ("oncall", "opened", "sent")
    assert next_.reason == "nobody acknowledged it within 4 hours of the message to growth"
    assert desk.run(made, hours=6).deliveries == []
    assert [d.route for d in desk.run(made, hours=6.2).deliveries] == ["boss"]
    assert desk.run(made, hours=12).deliveries == []
    desk.store.set(INCIDENT, status="resolved", resolution="recovered", resolved_on=D)
    ended = desk.run(made, days=1).deliveries
    assert {(d.route, d.notification) for d in ended} == {(r, "resolved") for r in ("growth", "oncall", "boss")}


@pytest.mark.parametrize(
    "row", [{"status": "acknowledged"}, {"until_on": D + timedelta(days=9)}, {"status": "ignored"}]
)
def test_what_is_in_hand_or_snoozed_or_ignored_is_not_escalated(desk: Desk, row: dict[str, object]) -> None:
    desk.env["PULSE_ONCALL_WEBHOOK"] = f"{desk.web.base}/oncall"
    desk.run(oncall())
    desk.store.set(INCIDENT, **row)
    assert "oncall" not in {d.route for d in desk.run(oncall(), hours=9).deliveries}


def taken(desk: Desk, by: str, hours: float) -> None:
    desk.store.set(INCIDENT, status="acknowledged", assignee=by)
    desk.store.insert(
        "pulse_incident_events", event_id=f"e{by}", incident_id=INCIDENT, occurred_at=NOW + timedelta(hours=hours),
        snapshot_date=D, event="acknowledged", from_status="open", to_status="acknowledged", actor=by, reason="",
    )  # fmt: skip


def test_who_was_told_hears_who_has_it_in_hand_and_which_cause_was_found(desk: Desk) -> None:
    desk.store.connection.execute("delete from pulse_incident_explanations")
    made = growth()
    desk.run(made)
    taken(desk, "ana", 1)
    (told,) = desk.run(made, hours=2).deliveries
    assert (told.notification, told.reason, told.status) == ("acknowledged", "ana has it in hand", "sent")
    assert "ana has aaaa1111bbbb2222 in hand: High-Value Active Users" in desk.web.got[-1].body
    assert desk.run(made, hours=3).deliveries == [], "once"
    desk.store.explain(created_at=NOW + timedelta(hours=4))
    (told,) = desk.run(made, hours=5).deliveries
    assert (told.notification, told.reason) == ("explained", "its cause is known now: null_burst")
    assert "A load filled ltv with nulls" in desk.web.got[-1].body
    assert desk.run(made, hours=6).deliveries == []


def test_a_cause_that_reaches_another_segment_grew(desk: Desk) -> None:
    made = growth()
    desk.run(made)
    desk.store.incident("cc00", segment_id="whales", group_key=INCIDENT, detected_on=D + timedelta(days=1))
    (told,) = desk.run(made, 1).deliveries
    assert (told.notification, told.reason) == ("grew", "its cause is known from 1 other incident")
    assert "It grew: Whales fell 42 %" in desk.web.got[-1].body
    quiet = growth(follow_ups=("worsened",))
    desk.store.incident("dd00", segment_id="newcomers", group_key=INCIDENT, detected_on=D + timedelta(days=1))
    assert desk.run(quiet, 1).deliveries[0].reason == "its route wants no word of a cause that grew"
    assert desk.run(quiet, 1).deliveries == []


def test_a_snooze_keeps_quiet_until_its_date_and_ends_with_a_reminder(desk: Desk) -> None:
    made = growth()
    desk.run(made)
    desk.store.set(INCIDENT, until_on=D + timedelta(days=9))
    assert desk.run(made, 8).quiet[0].reason == "snoozed until 2026-05-23"
    (told,) = desk.run(made, 9).deliveries
    assert (told.notification, told.reason) == ("reminder", "its snooze ended on 2026-05-23")
    assert desk.run(made, 10).deliveries == []


def test_a_silence_withholds_what_it_matches_until_it_ends(desk: Desk) -> None:
    scope = Match(segment=("v*",))
    made = new_silence(scope, "campaign", "ana", NOW - timedelta(hours=1), NOW + timedelta(hours=4))
    save_silence(desk.store, made)  # type: ignore[arg-type]
    save_silence(desk.store, made)  # type: ignore[arg-type]
    assert read_silences(desk.store) == [made]  # type: ignore[arg-type]
    assert desk.run(growth()).deliveries[0].reason == "silenced until 2026-05-15 10:00 UTC by ana: campaign"
    (over,) = expire([made], [made.silence_id[:3]], "bob", NOW + timedelta(hours=1))
    assert expire([over], [made.silence_id], "eve", NOW + timedelta(hours=2)) == [over], "over is over"
    save_silence(desk.store, over)  # type: ignore[arg-type]
    assert desk.run(growth(), hours=2).deliveries[0].status == "sent"
    with pytest.raises(UsageError, match="something to match"):
        new_silence(Match(), "", "ana", NOW, NOW + timedelta(hours=4))
    with pytest.raises(UsageError, match="has passed"):
        new_silence(scope, "", "ana", NOW, NOW)


def test_why_names_each_route_with_its_reason(desk: Desk) -> None:
    made = routed(
        growth(quiet_hours=MORNING),
        oncall=Route("oncall", (ONCALL,), match=Match(owner=("crm",))),
        other=Route("other", (TEAMS,)),
    )
    found = why(desk.store, made, find_incident(desk.store, INCIDENT), D, desk.env, 7, NOW)  # type: ignore[arg-type]
    assert [(w.address.route if w.address else w.route, w.decision, w.reason) for w in found] == [
        ("growth", "withheld", "opened: quiet hours: told by the first run from 08:00 on 15 May (UTC) on"),
        ("oncall", "not taken", "owner is growth-team, not crm"),
        ("other", "not taken", "no segment of the incident names it, and it matches nothing"),
    ]


def test_follow_ups_stay_in_the_conversation_of_the_first_mail(desk: Desk, mailbox: Mailbox) -> None:
    desk.env |= {
        "RESEND_API_KEY": "",
        "PULSE_SMTP_URL": f"smtp://u:{mailbox.password.replace('/', '%2F')}@127.0.0.1:{mailbox.port}",
        "PULSE_SMTP_CA_FILE": str(mailbox.ca_file),
    }
    made = project(EMAIL)
    desk.run(made)
    taken(desk, "ana", 1)
    desk.run(made, hours=2)
    desk.store.set(INCIDENT, status="resolved", resolution="person", resolved_on=D + timedelta(days=1))
    desk.run(made, days=1)
    texts = [m.original_content or m.content or b"" for m in mailbox.mails]
    import email

    first, *others = [email.message_from_bytes(t if isinstance(t, bytes) else t.encode()) for t in texts]
    assert len(others) == 2
    assert first["In-Reply-To"] is None
    for mail in others:
        assert mail["In-Reply-To"] == mail["References"] == first["Message-ID"]
        assert str(mail["Subject"]).replace("\n", "") == f"Re: {first['Subject']}".replace("\n", "")


def test_resend_and_n8n_know_the_conversation_too(desk: Desk) -> None:
    made = project(EMAIL, N8N)
    desk.run(made)
    taken(desk, "ana", 1)
    desk.run(made, hours=2)
    mails = [json.loads(g.body) for g in desk.web.got if g.path == "/emails"]
    assert len({m["headers"]["References"] for m in mails}) == 1
    assert ["In-Reply-To" in m["headers"] for m in mails] == [False, *[True] * (len(mails) - 1)]
    assert mails[1]["subject"] == f"Re: {mails[0]['subject']}"
    assert "thread" not in mails[0]
    events = [json.loads(g.body) for g in desk.web.got if g.path.startswith("/n8n")]
    assert [e["thread"] for e in events] == [events[0]["id"]] * 2
    assert events[1]["type"] == "pulse.incident.acknowledged"


def test_every_event_of_n8n_is_as_the_published_schema_says(desk: Desk) -> None:
    judge = jsonschema.Draft202012Validator(event_schema())
    made = project(N8N)
    desk.run(made)
    taken(desk, "ana", 1)
    desk.run(made, hours=2)
    for n, segment in enumerate(("whales", "newcomers", "whales")):
        desk.store.incident(f"cc{n}0", segment_id=segment)
    desk.run(routed(made, growth=replace(made.routes["growth"], messages_per_run=1)), hours=3)
    desk.store.set(INCIDENT, status="resolved", resolution="person", resolved_on=D + timedelta(days=1))
    desk.run(made, days=1)
    send_test(made, "growth", NOW, desk.env, out=desk.said.append, http=desk.http)
    events = [json.loads(g.body) for g in desk.web.got]
    assert {e["type"].rpartition(".")[2] for e in events} >= {"opened", "acknowledged", "digest", "resolved", "test"}
    for event in events:
        judge.validate(event)
    assert list(judge.iter_errors({**events[0], "severity": "terrible"}))
    assert list(judge.iter_errors({k: v for k, v in events[0].items() if k != "thread"}))
