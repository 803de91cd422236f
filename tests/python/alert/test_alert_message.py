"""What a message says, before any channel lays it out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pulse_runner.alert.compose import Topic, build
from pulse_runner.alert.message import AlertMessage, Trend, as_text, smaller
from tests.python.alert.store import NOW, D, explanation, incident

SIZES = (1000.0,) * 27 + (580.0,)


def topic(explained: bool = True, **row: object) -> Topic:
    about = incident(**row)  # type: ignore[arg-type]
    told = explanation(about.incident_id) if explained else None
    rule = "ltv > 1000 and last_active_days <= 7"
    return Topic(about, "High-Value Active Users", "growth-team", rule, told, Trend(SIZES, D))


def message(kind: str = "opened", *topics: Topic, day: date = D) -> AlertMessage:
    return build(kind, topics or (topic(),), day, NOW, "it is seen for the first time")  # type: ignore[arg-type]


def test_an_opened_message_reads_in_this_order() -> None:
    assert as_text(message()) == (
        "HIGH  High-Value Active Users fell 42 %: 580 members, 1,000 expected (940 to 1,060)\n"
        "===================================================================================\n"
        "\n"
        "Since: 14 May 2026 (today); high severity, open\n"
        "\n"
        "Last 28 days: ███████████████████████████▅  1,000 → 580\n"
        "\n"
        "What did it:\n"
        "  42 % fewer members since 14 May: 400 of 420 leavers left by `ltv > 1000`; column ltv has 42 % nulls.\n"
        "  Most likely: A load filled ltv with nulls (high confidence)\n"
        "  Who can tell: the owner of stg_orders\n"
        "\n"
        "Rule:\n"
        "  ltv > 1000 and last_active_days <= 7\n"
        "\n"
        "What to do:\n"
        "  1. Open models/stg_orders.sql.\n"
        "  2. Rerun the load of 14 May.\n"
        "  3. Pause campaigns to vip.\n"
        "\n"
        "Evidence:\n"
        "  - Column ltv has 42 % nulls (0.2 % before). [E2]\n"
        "  - 400 of 420 leavers left by `ltv > 1000`. [E1]\n"
        "  - The rows of customers are as usual. [E3]\n"
        "\n"
        "Handle it:\n"
        "  pulse incidents acknowledge aaaa1111bbbb2222\n"
        "  pulse incidents resolve aaaa1111bbbb2222\n"
        '  pulse incidents ignore aaaa1111bbbb2222 --note "why"\n'
        "\n"
        "Incident aaaa1111bbbb2222 · owner growth-team · sent because it is seen for the first time"
    )


def test_an_incident_without_an_explanation_gives_the_reason_of_its_finding() -> None:
    text = as_text(message("opened", topic(explained=False)))
    assert "Size fell 42.0 % to 580; 1,000 expected" in text
    assert "Not explained yet: run `pulse explain`." in text
    assert "What to do" not in text


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, "High-Value Active Users fell 42 %: 580 members, 1,000 expected (940 to 1,060)"),
        (
            {"detector": "conversion_anomaly", "metric": "conversion_rate", "observed": 0.03, "expected": 0.05,
             "lower_bound": 0.04, "upper_bound": 0.06},
            "High-Value Active Users: conversion rate fell 40 %: 3.0 %, 5.0 % expected (4.0 % to 6.0 %)",
        ),
        (
            {"detector": "reach_drop", "metric": "reach:email", "observed": 0.9, "expected": 0.8, "lower_bound": None,
             "upper_bound": None},
            "High-Value Active Users: reach by email rose 12 %: 90.0 %, 80.0 % expected",
        ),
        ({"observed": 50.0, "expected": 0.0}, "High-Value Active Users rose from zero: 50 members, 0 expected (940 to 1,060)"),
        ({"observed": None, "expected": None}, "High-Value Active Users: size fell 42%"),
        (
            {"detector": "distribution_shift", "metric": "distribution", "attribute": "country", "title": "VIP: country shifted"},
            "VIP: country shifted",
        ),
    ],
    ids=["size", "conversion", "reach without bounds", "from zero", "nothing measured", "distribution"],
)  # fmt: skip
def test_the_headline_says_how_much_and_which_segment(row: dict[str, object], expected: str) -> None:
    assert message("opened", topic(**row)).headline == expected


def test_a_reminder_and_a_worsening_say_so_first() -> None:
    assert message("reminder", day=D + timedelta(days=7)).headline.startswith("Still open after 7 days: High-Value")
    assert message("worsened").headline.startswith("Worse: High-Value Active Users fell 42 %")


def test_an_end_says_how_it_ended_and_where_the_metric_is() -> None:
    back = Topic(
        incident(status="resolved", resolution="recovered", resolved_on=D + timedelta(days=2), note="load fixed"),
        "High-Value Active Users", "growth-team", trend=Trend((1000.0, 580.0, 575.0, 990.0), D + timedelta(days=2)),
    )  # fmt: skip
    told = message("resolved", back)
    assert told.subject == "Recovered: High-Value Active Users has 990 members"
    text = as_text(told)
    assert "The metric is back in its expected range. Note: load fixed" in text
    assert "14 May 2026 to 16 May 2026 (2 days)" in text
    assert "pulse incidents reopen aaaa1111bbbb2222" in text
    assert "acknowledge" not in text


def test_incidents_of_one_cause_are_one_message_led_by_the_most_severe() -> None:
    source = topic(incident_id="cc", segment_id="", detector="entity_health", metric="null_share", title="ltv has nulls",
                     severity="medium")  # fmt: skip
    told = message("opened", topic(incident_id="aa"), source, topic(incident_id="bb", severity="critical"))
    assert told.headline == (
        "High-Value Active Users fell 42 %: 580 members, 1,000 expected (940 to 1,060) · 2 more with the same cause"
    )
    assert told.severity == "critical"
    same = next(s for s in told.sections if s.title == "Same cause")
    assert [line.rsplit(" ", 1)[1] for line in same.lines] == ["aa", "cc"]
    assert [f["incident_id"] for f in told.facts] == ["bb", "aa", "cc"]


def test_what_is_left_out_is_said() -> None:
    many = message("opened", *(topic(incident_id=f"id{n}") for n in range(14)))
    first = next(smaller(many))
    assert next(s for s in first.sections if s.title == "Same cause").lines[-1] == "… 7 more"
    last = list(smaller(many))[-1]
    assert next(s for s in last.sections if s.title == "Evidence").lines[-1] == "… 2 more"
    assert len(next(s for s in last.sections if s.title == "Handle it").lines) == 3, "commands are never left out"


def test_text_of_a_model_or_from_the_data_becomes_one_harmless_line() -> None:
    told = explanation(headline="**Fell**\nsee [docs](https://evil.example)\u202e now", hypotheses="[]")
    base = topic()
    text = as_text(message("opened", Topic(base.incident, "A\nB", "x", "", told, None)))
    assert "  Fell see docs now\n" in text or "What did it: Fell see docs now" in text
    assert "evil.example" not in text
    assert "HIGH  A B fell 42 %" in text


def test_a_history_with_gaps_keeps_them_visible() -> None:
    base = topic()
    with_gap = Topic(base.incident, "VIP", "x", trend=Trend((100.0, None, 50.0), D))
    assert "Last 3 days: █·▅  100 → 50" in as_text(message("opened", with_gap))
