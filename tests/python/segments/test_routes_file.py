"""What segments/routes.yml may say: strict, each problem at its line, with the name that was probably meant."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from pulse_runner.errors import DefinitionError
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import build_project, read_texts
from pulse_runner.segments.model import Route
from pulse_runner.segments.routing import FOLLOW_UPS, DigestTime, Escalation, Hours, Match

ROOT = Path(__file__).parents[3]
OTHERS = "  lifecycle: {channels: [{channel: console}]}\n  partnerships: {channels: [{channel: console}]}\n"


def routes(text: str) -> dict[str, Route]:
    texts = read_texts(ROOT / "demo") | {"segments/routes.yml": text}
    return dict(build_project(texts, SCHEMA).routes)


def problems(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        routes(text)
    return [str(p).partition(":")[2] for p in caught.value.problems if p.file == "segments/routes.yml"]


def test_a_route_says_all_that_it_can_say() -> None:
    made = routes(f"""time_zone: Europe/Berlin
messages_per_hour: 20
routes:
  growth:
    match: {{owner: growth-team, segment: ["high*", newcomers], severity: [high, critical], cause: null_burst}}
    continue: false
    quiet_hours: {{from: "20:00", to: "07:00", then: digest, always: critical}}
    business_hours: {{from: "08:00", to: "18:00", days: [fri, mon], time_zone: UTC}}
    digest: {{every: week, weekday: tue, at: "09:30"}}
    repeat_days: 3
    group_by: owner
    follow_ups: [resolved]
    escalate: {{after_hours: 1.5, to: lifecycle}}
    channels: [{{channel: pagerduty, key_env: PULSE_PAGERDUTY_KEY}}]
{OTHERS}""")
    growth = made["growth"]
    assert growth.match == Match(
        owner=("growth-team",), segment=("high*", "newcomers"), severity=("high", "critical"), cause=("null_burst",)
    )
    assert (growth.goes_on, growth.repeat_days, growth.group_by, growth.follow_ups) == (
        False,
        3,
        "owner",
        ("resolved",),
    )
    assert growth.quiet_hours == Hours(time(20), time(7), tuple(range(7)), "Europe/Berlin", "digest", "critical")
    assert growth.business_hours == Hours(time(8), time(18), (0, 4), "UTC")
    assert growth.digest == DigestTime(time(9, 30), "Europe/Berlin", 1)
    assert growth.escalate == Escalation(1.5, "lifecycle")
    assert (growth.messages_per_hour, made["lifecycle"].messages_per_hour) == (20, 20)
    plain = made["lifecycle"]
    assert (plain.match, plain.goes_on, plain.group_by, plain.follow_ups) == (None, True, "cause", FOLLOW_UPS)


def test_what_is_wrong_with_the_shape_of_a_route_is_told_at_its_line() -> None:
    assert problems(f"""routes:
  growth:
    match: {{severity: [high, crit]}}
    quiet_hours: {{from: "25:00", to: "07:00", then: hould}}
    continu: false
    escalate: {{after_hours: 0, to: lifecycle}}
    channels: [{{channel: console}}]
{OTHERS}""") == [
        "3: `crit` is not possible for `severity`; did you mean `critical`?",
        "4: `from` must be a time of day such as 08:00, not `25:00`",
        "4: `hould` is not possible for `then`; did you mean `hold`?",
        "5: unknown key `continu`; did you mean `continue`?",
        "6: `after_hours` must be more than 0, not 0",
    ]


def test_names_that_nothing_has_are_told_with_the_one_that_was_meant() -> None:
    assert problems(f"""time_zone: Europe/Berln
routes:
  growth:
    match: {{owner: growth-tem, tag: vip, segment: [newcomer, "x*"], entity: customer, detector: size_jmp, cause: null_brst}}
    quiet_hours: {{from: "20:00", to: "20:00"}}
    escalate: {{after_hours: 4, to: lifecyle}}
    channels: [{{channel: console}}]
  a: {{channels: [{{channel: console}}], escalate: {{after_hours: 1, to: b}}}}
  b: {{channels: [{{channel: console}}], escalate: {{after_hours: 1, to: a}}}}
{OTHERS}""") == [
        "1: `Europe/Berln` is not a time zone; did you mean `Europe/Berlin`?",
        "4: unknown cause `null_brst`; did you mean `null_burst`?",
        "4: unknown detector `size_jmp`; did you mean `size_jump`?",
        "4: unknown entity `customer`; did you mean `customers`?",
        "4: unknown owner `growth-tem`; did you mean `growth-team`?",
        "4: unknown segment `newcomer`; did you mean `newcomers`?",
        "4: unknown tag `vip`; nothing has it",
        "5: `quiet_hours` begins and ends at 20:00",
        "6: unknown alert route `lifecyle`; did you mean `lifecycle`?",
        "8: the escalation runs in a circle: a -> b -> a",
        "9: the escalation runs in a circle: b -> a -> b",
    ]
