"""The way to the person, drawn at random and counted a second time with pandas: every step and every loss, to the member."""

from __future__ import annotations

import random
from collections import Counter

import pandas as pd
import pytest

from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import build_project
from pulse_runner.segments.model import Project

pytestmark = pytest.mark.postgres_in_matrix

D1, D2, D3 = DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")
ENTITY = """
entity: people
relation: ref('people')
key: id
history: {as_of: day}
fields: {country: text, agreed: boolean, mail: text}
reach:
  mail:
    eligible: "country <> 'FR'"
    consented: agreed
    addressable: "mail is not null"
    segments: [german, everybody]
    destination:
      relation: ref('sent')
      key: Person Id
      at: sent_at
      status: state
      reason: why
      segment: audience
      max_age_days: 1
      statuses: {accepted: [ok, delivered], rejected: [error], bounced: [bounce], synced: [queued]}
  push: {reachable: "mail is not null", addressable: "agreed"}
  sms: agreed
"""
SEGMENTS = {"german": "country = 'DE'", "everybody": "", "others": "country <> 'DE'"}
PEOPLE = {"id": "integer", "country": "varchar(10)", "agreed": "boolean", "mail": "varchar(40)", "day": "date"}
SENT = {
    '"Person Id"': "varchar(10)",
    "sent_at": "timestamp",
    "state": "varchar(20)",
    "why": "varchar(80)",
    "audience": "varchar(20)",
}
OUTCOME = {"ok": "accepted", "delivered": "accepted", "error": "rejected", "bounce": "bounced", "queued": "synced"}
WORST_LAST = ["unknown", "synced", "accepted", "rejected", "bounced", "unsubscribed"]


def project(entity: str = ENTITY) -> Project:
    texts = {"segments/entities/people.yml": entity}
    for name, sql in SEGMENTS.items():
        rule = (
            f'{{sql: "{sql}"}}'
            if name != "everybody"
            else '{any: [{sql: "country = country"}, {field: country, operator: is_null}]}'
        )
        texts[f"segments/{name}.yml"] = f"segment: {name}\nentity: people\nowner: me\nrules: [{rule}]\n"
    return build_project(texts, SCHEMA)


def drawn(rng: random.Random) -> tuple[list[tuple], list[tuple]]:
    """Draw 400 people on three days, and what the destination says: a key may have several rows, or be unknown to it."""
    people, sent = [], []
    for at in DAYS:
        for i in range(400):
            if rng.random() < 0.9:
                mail = rng.choice(["x@y.zz", "x@y.zz", None])
                people.append(
                    (i, rng.choice(["DE", "FR", "NL", None]), rng.choice([True, True, False, None]), mail, at)
                )
            for audience in ("german", "everybody"):
                # nothing is sent to the audience `german` on the last day: its sync has stopped
                for _ in range(rng.choice([0, 1, 1, 2]) if (audience, at) != ("german", D3) else 0):
                    state = rng.choice(["ok", "ok", "delivered", "error", "bounce", "queued", "odd"])
                    why = rng.choice(["quota", "quota", "bad x@y.zz", "0123 456789", None, f"unknown user {i}"])
                    sent.append((str(i), f"{at} {rng.choice(['08:00:00', '09:00:00'])}", state, why, audience))
    return people, sent


def counted(people: list[tuple], sent: list[tuple]) -> dict[tuple, int]:
    """Count the ladder of mail with pandas and plain loops: no SQL, nothing of the compiler."""
    rows = pd.DataFrame(sent, columns=["id", "at", "state", "why", "audience"])
    rows["day"], rows["outcome"] = rows["at"].str[:10], rows["state"].map(OUTCOME).fillna("unknown")
    out: Counter[tuple] = Counter()
    for at in DAYS:
        today = [(str(i), country, agreed, mail) for i, country, agreed, mail, day in people if day == at]
        start = (pd.Timestamp(at) - pd.Timedelta(days=1)).strftime("%Y-%m-%d")
        last: dict[tuple, tuple] = {}
        for name, part in rows[(rows["day"] >= start) & (rows["day"] <= at)].groupby("audience"):
            if part["day"].max() == at:
                part = part.assign(rank=part["outcome"].map(WORST_LAST.index), none=part["why"].isna())
                ordered = part.sort_values(["at", "rank", "none", "why"], ascending=[False, False, True, True])
                last |= {(r.id, name): (r.outcome, r.why) for r in ordered.drop_duplicates("id").itertuples()}
        can = [p for p in today if p[1] in ("DE", "NL") and p[2] and p[3]]
        shared = Counter(
            last[p[0], a] for p in can for a in ("german", "everybody") if (p[0], a) in last and last[p[0], a][1]
        )
        for segment in SEGMENTS:
            inside = [
                p
                for p in today
                if segment == "everybody" or (p[1] is not None and (p[1] == "DE") == (segment == "german"))
            ]
            eligible = [p for p in inside if p[1] is not None and p[1] != "FR"]
            agreed = [p for p in eligible if p[2]]
            reached = [p for p in agreed if p[3]]
            steps = {
                ("rule", ""): len(inside), ("eligible", ""): len(eligible), ("eligible", "not eligible"): len(inside) - len(eligible),
                ("reachable", ""): len(reached), ("reachable", "not consented"): len(eligible) - len(agreed),
                ("reachable", "not addressable"): len(agreed) - len(reached),
            }  # fmt: skip
            if segment != "others":
                got = [last[p[0], segment] for p in reached if (p[0], segment) in last]
                stopped = not any(a == segment for _, a in last)
                steps["synced", ""] = len(got)
                steps["synced", "no rows of the destination" if stopped else "not synced"] = len(reached) - len(got)
                steps["accepted", ""] = sum(o == "accepted" for o, _ in got)
                for outcome, why in got:
                    if outcome != "accepted":
                        steps["accepted", told(outcome, why, shared)] = (
                            steps.get(("accepted", told(outcome, why, shared)), 0) + 1
                        )
            for (step, reason), members in steps.items():
                if members or not reason:
                    out[segment, at, step, reason] = members
    return dict(out)


def told(outcome: str, why: str | None, shared: Counter) -> str:
    name = {"synced": "no answer", "unknown": "unknown status"}.get(outcome, outcome)
    if not isinstance(why, str):
        return name
    if shared[outcome, why] < 5:
        return f"{name}: (other)"
    return f"{name}: {'(hidden)' if '@' in why or why[0] == '0' else why}"


def ladder(world, channel: str = "mail") -> dict[tuple, int]:
    rows = world.query(f"select * from {{pulse_reach_ladder}} where channel = '{channel}'")
    found = {(r["segment_id"], str(r["snapshot_date"]), r["step"], r["reason"]): r["members"] for r in rows}
    assert len(found) == len(rows)
    return found


def fill(world, people: list[tuple], sent: list[tuple]) -> None:
    world.table("people", PEOPLE, people)
    world.table("sent", SENT, sent)


def test_every_step_and_loss_is_counted_to_the_member_and_a_repeat_changes_nothing(world) -> None:
    people, sent = drawn(random.Random(13))
    world.compile(project())
    fill(world, people, sent)
    world.built(D1, D3)
    found = ladder(world)
    assert found == counted(people, sent)
    assert {r for _, _, _, r in found} > {
        "not synced",
        "no rows of the destination",
        "rejected: quota",
        "rejected: (hidden)",
    }
    before = {t: world.content(t) for t in ("pulse_reach_ladder", "pulse_segment_reach", "pulse_segment_snapshots")}
    assert {r[2] for r in before["pulse_reach_ladder"]} == {"mail", "push"}, "a channel of one condition has no steps"
    for segment, at, step, reason in found:
        if (step, reason) == ("reachable", ""):
            rows = world.query(
                "select reachable from {pulse_segment_reach} where channel = 'mail'"
                f" and segment_id = '{segment}' and snapshot_date = cast('{at}' as date)"
            )
            assert [r["reachable"] for r in rows] == [found[segment, at, step, reason]]
    world.built(D2)
    assert {t: world.content(t) for t in before} == before
