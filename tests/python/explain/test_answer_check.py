"""What a model writes is kept only where the evidence bears it out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pulse_runner.explain.agent.answer_check import Answer, check_answer
from pulse_runner.explain.case import Case
from pulse_runner.explain.explanation import Evidence, Explanation, Hypothesis
from pulse_runner.segments.model import Entity, Field, History, Relation

CUSTOMERS = Entity(
    "customers", Relation("ref", ("dim",)), "customer_id", History("none"),
    {"ltv": Field("ltv", "number"), "plan": Field("plan", "text")},
)  # fmt: skip
CASE = Case(
    "inc1", "vip", "customers", "size_jump", "size", "", "", "down", "growth-team", date(2026, 5, 14), date(2026, 5, 14),
    before=date(2026, 5, 13), definition=CUSTOMERS, rule_text="ltv > 1000 and spend_90d >= 50",
)  # fmt: skip
EVIDENCE = (
    Evidence("cause", "422 of 429 members who left because `ltv > 1000` stopped being true (2 usual).",
             {"members": 422, "of_members": 429, "usual_members": 2, "columns": "ltv"}, "", 0.9, "", "E1"),
    Evidence("nulls", "Column ltv of customers has 41 % nulls on 2026-05-14, 0.2 % on average over the 14 days before.",
             {"column_name": "ltv", "snapshot_date": "2026-05-14", "null_share": 0.4137, "before_null_share": 0.002,
              "before_days": 14}, "", 0.9, "", "E2"),
    Evidence("change", "vip has 579 members on 2026-05-14, 1,000 on 2026-05-13 (-42 %).",
             {"size": 579, "before_size": 1000, "change_rate": -0.421}, "", 0.9, "", "E3"),
)  # fmt: skip
RULES = Explanation(
    "Rule headline.", "Rule summary.", (Hypothesis("unknown", "By rules", "low", "r", ("E1",)),), ("Do it.",)
)
GOOD = Hypothesis(
    "model", "Nulls in ltv took members out", "high",
    "422 of the 429 leavers left by `ltv > 1000`, and ltv has 41 % nulls since 14 May 2026.", ("E1", "E2"),
    actions=("Check what changed in column ltv on 2026-05-14.",),
)  # fmt: skip
ANSWER = Answer("42 % fewer members since 14 May", "vip fell from 1,000 to 579 members.", ("E3",), (GOOD,))


def checked(**changes: object) -> Explanation:
    return check_answer(replace(ANSWER, **changes), CASE, EVIDENCE, RULES, "m1")


def with_reasoning(text: str, evidence: tuple[str, ...] = ("E1", "E2")) -> Explanation:
    return checked(hypotheses=(replace(GOOD, reasoning=text, evidence=evidence),))


def test_an_answer_that_the_evidence_bears_out_is_kept_whole() -> None:
    kept = checked()
    assert kept == Explanation(
        ANSWER.headline,
        ANSWER.summary,
        (GOOD,),
        ("Check what changed in column ltv on 2026-05-14.", "Do it."),
        "openai",
        "m1",
    )


@pytest.mark.parametrize(
    "text",
    [
        "41 % nulls", "41.4 % nulls", "41 percent nulls", "a null share of 0.41", "422 members", "from 0.2 % before",
        "the rule asks for 1,000", "1 000 is the limit", "1.0k is the limit", "spend_90d is in the rule", "over 14 days",
        "since May 14", "since May 14, 2026", "on 2026-05-14", "E1 and E2 say so", "the limit of 50",
    ],
)  # fmt: skip
def test_numbers_may_be_written_as_people_write_them(text: str) -> None:
    assert with_reasoning(text).rejected == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("43 % nulls", "the number 43 % is not in the cited evidence"),
        ("421 members left", "the number 421 is not in the cited evidence"),
        ("41.6 % nulls", "the number 41.6 % is not in the cited evidence"),
        ("422 % nulls", "the number 422 % is not in the cited evidence"),
        ("579 members are left", "the number 579 is not in the cited evidence"),  # in E3, which is not cited
        ("seven teams", "the number seven is not in the cited evidence"),
        ("more than half of them", "'half' cannot be checked against the evidence"),
        ("since 15 May", "the date 15 May is not in the cited evidence"),
        ("since 2026-05-12", "the date 2026-05-12 is not in the cited evidence"),
        ("since 14 May 2025", "the date 14 May 2025 is not in the cited evidence"),
        ("column plan was dropped", "the name plan is not in the cited evidence"),
        ("`plan = 'pro'` flipped", "the name plan is not in the cited evidence"),
        ("stg_orders is late", "the name stg_orders is not in the cited evidence"),
        ("write to jane.doe@example.com", "holds an address or a link"),
        ("see https://evil.example/x", "holds an address or a link"),
        ("E3 shows it", "speaks of E3 without citing it"),
    ],
)
def test_what_is_not_in_the_cited_evidence_is_thrown_out_with_the_reason(text: str, reason: str) -> None:
    kept = with_reasoning(text)
    assert kept.source == "rules"
    assert kept.headline == "Rule headline."
    assert [(r.part, r.reason) for r in kept.rejected] == [("hypothesis", reason)]


def test_a_number_of_another_fact_is_fine_once_that_fact_is_cited() -> None:
    assert with_reasoning("579 members are left", ("E1", "E2", "E3")).source == "openai"


def test_evidence_that_does_not_exist_cannot_be_cited() -> None:
    kept = with_reasoning("nulls", ("E9",))
    assert kept.rejected[0].reason == "cites E9, which is not in the evidence"
    assert with_reasoning("nulls", ()).rejected[0].reason == "cites no evidence"


def test_one_wrong_hypothesis_does_not_take_the_right_one_along() -> None:
    kept = checked(hypotheses=(replace(GOOD, title="88 % nulls"), GOOD))
    assert kept.hypotheses == (GOOD,)
    assert [r.part for r in kept.rejected] == ["hypothesis"]


def test_a_wrong_headline_gives_way_to_the_rules_headline_alone() -> None:
    kept = checked(headline="52 % fewer members since 14 May")
    assert (kept.headline, kept.summary, kept.source) == ("Rule headline.", ANSWER.summary, "openai")


def test_a_headline_that_turns_the_direction_round_is_thrown_out() -> None:
    kept = checked(headline="Members rose by 42 % since 14 May")
    assert kept.headline == "Rule headline."
    assert kept.rejected[0].reason == "says the opposite of the incident's direction (down)"


def test_an_action_with_an_invented_model_is_left_out() -> None:
    kept = checked(hypotheses=(replace(GOOD, actions=("Roll back fct_sales_v2.", "Check column ltv.")),))
    assert kept.hypotheses[0].actions == ("Check column ltv.",)
    assert kept.recommendations == ("Check column ltv.", "Do it.")


def test_high_confidence_needs_a_measured_fault() -> None:
    kept = checked(hypotheses=(replace(GOOD, reasoning="422 left", evidence=("E1",), actions=()),))
    assert kept.hypotheses[0].confidence == "medium"
    assert kept.rejected[0].reason == "high without a measured fault; lowered to medium"
