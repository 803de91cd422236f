"""A bad day with 500 causes: the worst in full, the rest in one message, and every incident told once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import httpx
import pytest

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.compose import Topic
from pulse_runner.alert.digest import Letter, digest
from pulse_runner.alert.outbox import Address, Decision
from pulse_runner.segments.model import Project
from pulse_runner.segments.strict import ChannelSettings
from tests.python.alert.servers import Answer, Web
from tests.python.alert.store import CONSOLE, EMAIL, N8N, NOW, SLACK, TEAMS, D, Store, incident, project
from tests.python.alert.test_alert_stage import Desk

MANY = 500
LIMITS = {"slack": 12_000, "teams": 13_000, "emails": 150_000, "n8n": 1_000_000}


def identity(n: int) -> str:
    return sha256(f"incident {n}".encode()).hexdigest()[:16]


IDS = {identity(n) for n in range(MANY)}


def severity(n: int) -> str:
    return "critical" if n % 100 == 7 else "high" if n % 50 == 3 else "medium"


@pytest.fixture
def flood(store: Store, web: Web, http: httpx.Client) -> Desk:
    return planted(MANY, store, web, http)


@pytest.fixture
def shower(store: Store, web: Web, http: httpx.Client) -> Desk:
    return planted(40, store, web, http)


def planted(many: int, store: Store, web: Web, http: httpx.Client) -> Desk:
    for n in range(many):
        store.incident(
            identity(n), segment_id=f"audience_{n}", severity=severity(n), effect=-0.2 - n / 10_000,
            title=f"audience_{n}: size fell 42 %",
        )  # fmt: skip
    return Desk(store, web, http)


def segments(*targets: ChannelSettings, messages_per_run: int = 10) -> Project:
    made = project(*targets, segments=tuple(f"audience_{n}" for n in range(MANY)))  # type: ignore[arg-type]
    return replace(made, routes={n: replace(r, messages_per_run=messages_per_run) for n, r in made.routes.items()})


def test_500_causes_are_eleven_messages_and_every_incident_is_told_once(flood: Desk) -> None:
    report = flood.run(segments(SLACK))
    assert (report.counts, len(flood.web.got)) == ({"sent": 11}, 11)
    *full, digest = [json.loads(g.body) for g in flood.web.got]
    assert [m["text"].split("]")[0] for m in full] == ["[critical"] * 5 + ["[high"] * 5, "the worst in full"
    assert "490 more changes of incidents: 5 high, 485 medium" in digest["text"]
    rows = flood.store.deliveries()
    assert {r["incident_id"] for r in rows} == IDS
    assert Counter(r["status"] for r in rows) == {"sent": MANY}
    named = [r for r in rows if r["reason"] == "it is seen for the first time; named in a digest"]
    assert len(named) == 490
    assert len({r["idempotency_key"] for r in named}) == 1
    assert all(r["incident_id"][:8] in flood.web.got[-1].body for r in named), "each is named"
    assert [r["body"] for r in named if r["body"]] == [flood.web.got[-1].body], "its body is kept once"
    assert flood.run(segments(SLACK)).counts == {}
    assert flood.run(segments(SLACK), 1).counts == {}
    assert len(flood.web.got) == 11


@pytest.mark.parametrize("target", [SLACK, TEAMS, EMAIL, N8N], ids=lambda t: t.channel)
def test_every_channel_can_carry_the_digest(flood: Desk, target: ChannelSettings) -> None:
    flood.run(segments(target))
    assert len(flood.web.got) == 11
    digest = flood.web.got[-1]
    assert len(digest.body.encode()) <= LIMITS[digest.path.split("/")[1]]
    named = [r for r in flood.store.deliveries() if r["reason"].endswith("named in a digest")]
    assert len(named) == 490
    assert all(r["incident_id"][:8] in digest.body for r in named)


def test_an_event_of_a_digest_has_a_line_of_each_incident(flood: Desk) -> None:
    flood.run(segments(N8N))
    event = json.loads(flood.web.got[-1].body)
    assert (event["type"], len(event["related"]), event["related_left_out"]) == ("pulse.digest", 489, 0)
    assert set(event["incident"]) == {
        "incident_id", "number", "notification", "segment_id", "entity", "severity", "status", "owner", "label", "headline",
    }  # fmt: skip


def test_the_budget_is_that_of_the_route(shower: Desk) -> None:
    shower.run(segments(SLACK, messages_per_run=3))
    assert len(shower.web.got) == 4


def test_what_fits_but_for_one_is_told_in_full(store: Store, web: Web, http: httpx.Client) -> None:
    for n in range(4):
        store.incident(identity(n), segment_id=f"audience_{n}")
    desk = Desk(store, web, http)
    desk.run(segments(SLACK, messages_per_run=3))
    assert len(web.got) == 4
    assert not [r for r in store.deliveries() if "digest" in r["reason"]]


def test_a_target_that_two_routes_share_has_one_budget(flood: Desk) -> None:
    made = segments(SLACK)
    routes = {**made.routes, "other": replace(made.routes["growth"], name="other", messages_per_run=5)}
    half = {name: replace(s, alerts=("other",)) if n % 2 else s for n, (name, s) in enumerate(made.segments.items())}
    flood.run(replace(made, routes=routes, segments=half))
    assert len(flood.web.got) == 6
    assert Counter(r["route"] for r in flood.store.deliveries()) == {"growth": 250, "other": 250}


def test_a_digest_that_fails_is_sent_again_as_it_was_and_comes_out_of_the_budget(flood: Desk) -> None:
    flood.web.answers = [*[Answer()] * 10, Answer(500, "no"), Answer(500, "no"), Answer(500, "no"), Answer()]
    assert flood.run(segments(N8N)).counts == {"failed": 1, "sent": 10}
    for n in range(20):
        flood.store.incident(identity(MANY + n), segment_id=f"audience_{n}", severity="low")
    flood.web.answers = [Answer()]
    assert flood.run(segments(N8N)).counts == {"sent": 11}
    bodies = [g.body for g in flood.web.got]
    assert bodies[10] == bodies[11] == bodies[12] == bodies[13], "the same bytes"
    assert len(bodies) == 13 + 1 + 9 + 1, "the waiting one, nine in full, and a digest of the other eleven"
    rows = flood.store.deliveries()
    assert len(rows) == MANY + 20
    assert {r["status"] for r in rows} == {"sent"}
    assert Counter(r["reason"] for r in rows) == {
        "it is seen for the first time": 19, "delivered at try 4": 490,
        "it is seen for the first time; named in a digest": 11,
    }  # fmt: skip


def test_one_incident_of_a_waiting_digest_takes_the_others_with_it(shower: Desk) -> None:
    shower.web.answers = [*[Answer()] * 10, Answer(500, "no")]
    shower.run(segments(N8N))
    waiting = next(r for r in shower.store.deliveries() if r["status"] == "failed")
    shower.web.answers = [Answer()]
    shower.run(segments(N8N), incident_id=waiting["incident_id"])
    assert {r["status"] for r in shower.store.deliveries()} == {"sent"}
    before = len(shower.web.got)
    shower.run(segments(N8N))
    assert len(shower.web.got) == before


@pytest.mark.parametrize("writes", [1, 2, 3, 13, 20, 22])
def test_a_kill_at_any_point_loses_and_doubles_nothing(shower: Desk, writes: int) -> None:
    shower.store.crash_after = writes
    with pytest.raises(KeyboardInterrupt):
        shower.run(segments(N8N))
    shower.store.crash_after = None
    shower.run(segments(N8N))
    rows = shower.store.deliveries()
    assert Counter(r["status"] for r in rows) == {"sent": 40}
    assert {r["incident_id"] for r in rows} == {identity(n) for n in range(40)}
    sent = Counter(g.headers["x-pulse-delivery"] for g in shower.web.got)
    assert len(sent) == 11, "what was sent twice went under the same key"
    assert sum(sent.values()) <= 12


def test_the_end_of_a_flood_is_a_digest_too(flood: Desk) -> None:
    flood.run(segments(SLACK))
    for id_ in IDS:
        flood.store.set(id_, status="resolved", resolution="recovered", resolved_on=D + timedelta(days=1))
    flood.store.incident(identity(999), segment_id="audience_1", severity="low")
    flood.run(segments(SLACK), 1)
    assert len(flood.web.got) == 22
    assert json.loads(flood.web.got[11].body)["text"].startswith("[low]"), "what is new comes before what is over"
    assert Counter(r["notification"] for r in flood.store.deliveries()) == {"opened": 501, "resolved": 500}


def test_targets_that_are_not_set_up_do_not_shower_the_screen(shower: Desk) -> None:
    shower.run(segments(SLACK, TEAMS), env={})
    assert len(shower.said) == 11
    assert all(identity(n) in "".join(shower.said) for n in range(40))
    shower.run(segments(SLACK, TEAMS), env={})
    assert len(shower.said) == 11


def test_the_screen_has_a_budget_as_any_target(shower: Desk) -> None:
    shower.run(segments(CONSOLE))
    assert len(shower.said) == 11


def test_a_dry_run_shows_the_digest(shower: Desk) -> None:
    report = shower.run(segments(SLACK), dry_run=True)
    assert report.counts == {"planned": 11}
    assert shower.said[-1].startswith("--- slack via growth to PULSE_SLACK_WEBHOOK: digest\n")


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_what_no_channel_can_name_is_counted(name: str) -> None:
    here = Address("growth", "low", SLACK)
    about = {
        identity(n): Topic(incident(identity(n), segment_id=f"audience_{n}"), f"R&D <audience> number {n}")
        for n in range(1500)
    }
    letter = Letter(
        tuple(Decision(i, here, "send", "new") for i in about), why="More than 10 messages were due in this run."
    )
    body = CHANNELS[name].render(digest(letter, about, D, NOW), "key").body
    named = sum(i[:8] in body for i in about)
    if name == "apprise":  # a text that half of the services would take whole
        assert len(json.loads(body)["text"]) <= 3_500
        assert "1500 more changes of incidents" in body
    else:
        assert named == 1500 or (named == 700 and "and 800 more" in body)
