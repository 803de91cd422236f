"""What a message says, before any channel lays it out."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from pulse_runner.alert.audience import campaigns
from pulse_runner.alert.compose import Topic, build
from pulse_runner.alert.message import AlertMessage, Trend, as_text, smaller
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.vocabulary import chart
from tests.python.alert.store import NOW, D, explanation, incident

SIZES = (1000.0,) * 27 + (580.0,)


def topic(explained: bool = True, **row: object) -> Topic:
    about = incident(**{"group_key": "g", **row})  # type: ignore[arg-type]
    told = explanation(about.incident_id) if explained else None
    rule = "ltv > 1000 and last_active_days <= 7"
    return Topic(about, "High-Value Active Users", "growth-team", rule, told, Trend(SIZES, D, low=940.0, high=1060.0))


def message(kind: str = "opened", *topics: Topic, day: date = D) -> AlertMessage:
    return build(kind, topics or (topic(),), day, NOW, "it is seen for the first time")  # type: ignore[arg-type]


def test_an_opened_message_reads_in_this_order() -> None:
    assert as_text(message()) == (
        "HIGH  High-Value Active Users fell 42 %: 580 members on 14 May, 1,000 expected\n"
        "==============================================================================\n"
        "\n"
        "Since: 14 May 2026 (today); open\n"
        "\n"
        "Cause: A load filled ltv with nulls (high confidence)\n"
        "\n"
        "Campaigns: Hold those to High-Value Active Users: a fault of the data. Right again with the first\n"
        "  run after the repair.\n"
        "\n"
        "Do first: Open models/stg_orders.sql.\n"
        "\n"
        "Last 28 days:\n"
        "  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▁\n"
        "  17 April to 14 May: 1,000 → 580; axis from 580 to 1,060; expected on 14 May: 940 to 1,060\n"
        "\n"
        "For the owner of the data:\n"
        "  - Owner: the owner of stg_orders\n"
        "  - Repair: Rerun the load of 14 May.\n"
        "  - Repair: Pause campaigns to vip.\n"
        "\n"
        "Rule:\n"
        "  ltv > 1000 and last_active_days <= 7\n"
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
        "aaaa1111bbbb2222 · owner growth-team · sent because it is seen for the first time"
    )


def test_an_incident_without_an_explanation_gives_the_reason_of_its_finding() -> None:
    text = as_text(message("opened", topic(explained=False)))
    assert "Cause: Not explained yet: run `pulse explain`." in text
    assert "Size fell 42.0 %" not in text, "the headline has said it"
    assert "Do first" not in text
    shifted = topic(
        explained=False, metric="distribution", detector="distribution_shift", title="x", reason="FR is UK now."
    )
    assert "  FR is UK now.\n  Not explained yet" in as_text(message("opened", shifted))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, "High-Value Active Users fell 42 %: 580 members on 14 May, 1,000 expected"),
        (
            {"detector": "conversion_anomaly", "metric": "conversion_rate", "observed": 0.03, "expected": 0.05,
             "lower_bound": 0.04, "upper_bound": 0.06},
            "High-Value Active Users: conversion rate fell 40 %: 3.0 % on 14 May, 5.0 % expected",
        ),
        (
            {"detector": "reach_drop", "metric": "reach:email", "observed": 0.9, "expected": 0.8, "lower_bound": None,
             "upper_bound": None},
            "High-Value Active Users: reach by email rose 12 %: 90.0 % on 14 May, 80.0 % expected",
        ),
        ({"observed": 50.0, "expected": 0.0}, "High-Value Active Users rose from zero: 50 members on 14 May, 0 expected"),
        ({"observed": None, "expected": None}, "High-Value Active Users: size fell 42 %"),
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
        "High-Value Active Users fell 42 %: 580 members on 14 May, 1,000 expected · 2 more with the same cause"
    )
    assert told.severity == "critical"
    same = next(s for s in told.sections if s.title == "Same cause")
    assert [line.rsplit(" ", 1)[1] for line in same.lines] == ["aa", "cc"]
    assert [f["incident_id"] for f in told.facts] == ["bb", "aa", "cc"]


@pytest.mark.parametrize(
    ("cause", "confidence", "changes", "said"),
    [
        ("null_burst", "high", {}, "Hold those to VIP: a fault of the data. Right again with the first run after the repair."),
        ("null_burst", "medium", {}, "Look before you send to VIP: the data may be at fault."),
        ("people_drifted", "medium", {}, "No need to hold those to VIP: no data fault was found."),
        ("unknown", "low", {}, "Not known yet for VIP: look before you send."),
        (
            "recoded", "high", {"metric": "distribution", "attribute": "country"},
            "Who is in VIP is not in question; their country is. Look before you send by country.",
        ),
        ("tracking_loss", "high", {"metric": "conversion_rate"}, "Who is in VIP is not in question; its conversion rate is."),
        (
            "upstream_failed", "high", {"metric": "status", "segment_id": ""},
            "Hold those that need today's members of the segments of VIP. Right again with the first run after the repair.",
        ),
    ],
)  # fmt: skip
def test_the_owner_of_an_audience_is_told_whether_to_hold_campaigns(
    cause: str, confidence: str, changes: dict[str, Any], said: str
) -> None:
    first = Hypothesis(cause, "A title", confidence, "", ())  # type: ignore[arg-type]
    assert campaigns(incident(**changes), "VIP", first) == said


def test_a_segment_leads_its_story_though_its_relation_is_worse() -> None:
    source = topic(incident_id="cc", segment_id="", detector="entity_health", metric="null_share", title="ltv has nulls",
                     severity="critical")  # fmt: skip
    told = message("opened", source, topic(incident_id="aa", severity="high"))
    assert told.headline.startswith("High-Value Active Users fell 42 %")
    assert told.severity == "critical"


def test_a_message_names_an_incident_by_its_number() -> None:
    told = message("opened", topic(number=42), topic(incident_id="bb", number=43))
    text = as_text(told)
    assert "  pulse incidents acknowledge INC-42\n" in text
    assert "INC-42 · owner growth-team" in text
    assert "size fell to 580 · INC-43" in text
    assert "aaaa1111bbbb2222" not in text
    assert [f["number"] for f in told.facts] == [42, 43]


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
    assert "Cause: Fell see docs now" in text
    assert "evil.example" not in text
    assert "HIGH  A B fell 42 %" in text


def test_a_history_with_gaps_keeps_them_visible() -> None:
    base = topic()
    with_gap = Topic(base.incident, "VIP", "x", trend=Trend((100.0, None, 50.0), D))
    assert "Last 3 days:\n  █·▁\n  12 May to 14 May: 100 → 50; axis from 50 to 100" in as_text(
        message("opened", with_gap)
    )


def test_one_message_has_one_comparison_and_one_percentage_of_its_change() -> None:
    """The explanation is of another day, and compares with other days: 40 % in the headline, 41 % and -42 % in the evidence."""
    later = D + timedelta(days=1)
    evidence = [
        {
            "id": "E1",
            "kind": "finding",
            "statement": "Size on 2026-05-14 is 570; 966 expected.",
            "values": {"observed": 570},
        },
        {
            "id": "E2",
            "kind": "change",
            "statement": "570 members, 983 the day before (-42 %).",
            "values": {"size": 570},
        },
        {"id": "E3", "kind": "cause", "statement": "400 of 420 left by `ltv > 1000`.", "values": {}},
        {
            "id": "E4",
            "kind": "rate",
            "statement": "Conversion rate is 5 %; it was 6 %.",
            "values": {"conversion_rate": 0.05},
        },
    ]
    told = explanation(
        headline="41 % fewer members since 14 May: 400 of 420 leavers left by `ltv > 1000`.",
        evidence=json.dumps([{"sql": "select 1", "weight": 0.5, "source": "t", **e} for e in evidence]),
    )
    about = incident(observed=600.0, expected=1000.0, effect=-0.4, last_seen_on=later)
    text = as_text(build("opened", [Topic(about, "VIP", explanation=told, trend=Trend(SIZES, later))], later, NOW, "x"))
    assert text.startswith("HIGH  VIP fell 40 %: 600 members on 15 May, 1,000 expected\n")
    assert "41 %" not in text
    assert "42 %" not in text
    assert "400 of 420 left by `ltv > 1000`. [E3]" in text
    assert "Conversion rate is 5 %" in text, "another metric is no contradiction"
    other = incident(metric="conversion_rate", detector="conversion_anomaly", observed=0.05, expected=0.06)
    text = as_text(build("opened", [Topic(other, "VIP", explanation=told)], D, NOW, "x"))
    assert "it was 6 %" not in text


def test_the_first_screen_holds_headline_since_cause_and_first_step_without_sql() -> None:
    steps = ["Run `select count(*) from t`.", "Ask the owner of the load.", "Run it again."]
    told = explanation(recommendations=json.dumps(steps))
    made = build("opened", [Topic(incident(), "VIP", explanation=told, rule="ltv > 1000")], D, NOW, "x")
    first = [s for s in made.sections if s.first]
    assert [s.title for s in first] == ["Since", "Cause", "Campaigns", "Do first"]
    assert first[3].lines == ("Ask the owner of the load.",)
    below = next(s for s in made.sections if s.title == "For the owner of the data")
    assert "See it: `select count(*) from t`" in below.lines
    assert "Repair: Run it again." in below.lines
    assert sum(len(line) for s in first for line in s.lines) < 200
    assert not any(word in line for s in first for line in s.lines for word in ("select", "ltv >"))


FAULT = {
    "rank": 1, "cause": "null_burst", "title": "Column ltv lost values", "confidence": "high", "reasoning": "",
    "evidence": ["E2", "E9"], "owner_hint": "data-team",
    "actions": ["Open models/stg_orders.sql.", "Run `select 1`.", "Map it back.",
                "After the repair, rebuild the dates: `pulse snapshot --date 2026-05-14`."],
}  # fmt: skip
DRIFT = {
    "rank": 2, "cause": "people_drifted", "title": "People drift away", "confidence": "low", "reasoning": "",
    "evidence": [], "owner_hint": "", "actions": ["Win them back.", "Ask around."],
}  # fmt: skip
EDIT = {
    "id": "E9", "kind": "model_changed", "statement": "An edit.", "sql": "", "weight": 0.9, "source": "t",
    "values": {"column_name": "ltv", "node": "stg_orders", "path": "models/stg_orders.sql", "commit_id": "1a2b3c4",
               "authored_on": "2026-05-13", "subject": "Rename the spend"},
}  # fmt: skip


def told_by(*hypotheses: dict[str, Any], **row: object) -> list[tuple[str, tuple[str, ...]]]:
    """Return the sections below the fold, two days after the change."""
    steps = [a for h in hypotheses for a in h["actions"]]
    told = explanation(
        hypotheses=json.dumps(hypotheses), recommendations=json.dumps(steps), evidence=json.dumps([EDIT])
    )
    later = D + timedelta(days=2)
    made = build("opened", [Topic(incident(**row), "VIP", explanation=told)], later, NOW, "x")  # type: ignore[arg-type]
    return [(s.title, s.lines) for s in made.sections if not s.first]


def test_the_owner_of_the_data_reads_place_commit_query_repair_and_the_dates_to_rebuild() -> None:
    assert dict(told_by(FAULT, DRIFT))["For the owner of the data"] == (
        "Where: column ltv of models/stg_orders.sql",
        "Commit: 1a2b3c4 of 2026-05-13: “Rename the spend”",
        "Owner: data-team",
        "See it: `select 1`",
        "Repair: Open models/stg_orders.sql.",
        "Repair: Map it back.",
        "Then rebuild: `pulse snapshot --from 2026-05-14 --to 2026-05-16`",
    )


def test_whoever_owns_the_audience_is_told_whom_to_ask_and_no_file_to_open() -> None:
    told = explanation(hypotheses=json.dumps([FAULT]), evidence=json.dumps([EDIT]))
    made = build("opened", [Topic(incident(), "VIP", explanation=told)], D, NOW, "x")
    assert next(s for s in made.sections if s.title == "Do first").lines == (
        "Ask data-team about column ltv of models/stg_orders.sql; what to repair stands below.",
    )


def test_what_another_cause_would_ask_for_is_not_among_the_steps_of_the_first() -> None:
    sections = dict(told_by(FAULT, DRIFT))
    assert sections["If it is not that"] == ("People drift away (low confidence)",)
    assert not [line for lines in sections.values() for line in lines if "Win them back" in line]
    sections = dict(told_by(DRIFT, FAULT))
    assert sections["Then"] == ("Ask around.",)
    assert "For the owner of the data" not in sections, "there is nothing to repair"


def test_a_program_gets_the_repair_as_fields() -> None:
    told = explanation(hypotheses=json.dumps([FAULT]), recommendations=json.dumps(FAULT["actions"]))
    (facts,) = build("opened", [Topic(incident(), "VIP", explanation=told)], D, NOW, "x").facts
    assert facts["repair"]["rebuild"] == "pulse snapshot --date 2026-05-14"
    assert facts["repair"]["query"] == "select 1"


def test_a_chart_does_not_begin_at_zero_and_says_its_band() -> None:
    trend = Trend((1000.0, 1010.0, None, 600.0), D, low=950.0, high=1050.0)
    assert chart(trend.values, *trend.axis) == "▇▇·▁"
    assert trend.words() == ("11 May to 14 May: 1,000 → 600; axis from 600 to 1,050; expected on 14 May: 950 to 1,050")


def test_the_report_is_linked_where_its_address_is_known() -> None:
    made = build("opened", [topic()], D, NOW, "x", "https://r.example/pulse.html#{incident}")
    assert made.report_url == "https://r.example/pulse.html#aaaa1111bbbb2222"
    assert "Report: https://r.example/pulse.html#aaaa1111bbbb2222" in as_text(made)
