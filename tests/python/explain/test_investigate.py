"""The investigation: a model that really calls tools, its budget, its transcript, what is tried again and what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from explain_world import NOW, D, World, headline_fault
from openai_server import ChatServer, answer, refuse
from scripted_model import Analyst, answer_json

from pulse_runner.errors import ExplainError
from pulse_runner.explain.agent import llm, store
from pulse_runner.explain.agent.investigate import Investigation, Question
from pulse_runner.explain.agent.settings import Budget, Price, model_settings
from pulse_runner.explain.agent.tools import TOOLS
from pulse_runner.explain.agent.tools.base import Desk
from pulse_runner.explain.agent.transcript import Replayed, as_text, read_steps
from pulse_runner.explain.evidence.gather import gather
from pulse_runner.explain.ranking import explain
from pulse_runner.explain.stage import ask_about, explain_incidents


@pytest.fixture
def server() -> Iterator[ChatServer]:
    made = ChatServer()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "wait", lambda seconds: None)


def env(server: ChatServer, **more: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-planted-secret", "OPENAI_BASE_URL": server.url, "PULSE_OPENAI_MODEL": "m", **more}


def tries(world: World) -> list[dict]:
    return world.query("select * from pulse_investigations order by created_at, investigation_id")


def test_a_model_looks_things_up_and_what_it_finds_is_evidence(world: World, project, server: ChatServer) -> None:
    headline_fault(world)
    server.replies = [Analyst(server)]
    (stored,) = explain_incidents(world, project, D, NOW, env(server, PULSE_MODEL_PRICE="1/10"))
    assert server.problems == []
    assert stored.explanation.source == "openai"
    (found,) = [e for e in stored.evidence if e.kind == "tool_definition"]
    assert found.id in stored.explanation.hypotheses[0].evidence
    assert found.statement in stored.explanation.hypotheses[0].reasoning
    (row,) = tries(world)
    assert (row["outcome"], row["verdict"], row["steps"], row["request_tokens"], row["answer_tokens"]) == (
        "answered",
        "data_fault",
        4,
        1800,
        200,
    )
    assert row["cost"] == 0.0038
    assert row["explanation_id"] == stored.explanation_id
    steps = read_steps(row["transcript"])
    assert [(s.kind, s.name) for s in steps] == [
        ("model", ""),
        ("tool", "column_health"),
        ("tool", "definition"),
        ("model", ""),
    ]
    assert "ltv on 2026-05-14: 41.0 % nulls" in as_text(steps)


def test_a_transcript_can_be_replayed_to_the_same_explanation(world: World, project, server: ChatServer) -> None:
    incident = headline_fault(world)
    server.replies = [Analyst(server)]
    (stored,) = explain_incidents(world, project, D, NOW, env(server, PULSE_LLM="tools"))
    attempt = store.latest(world, "inc1")
    assert attempt is not None
    bundle = gather(world, incident, project)
    context = [e for e in stored.evidence if e.id not in {x.id for x in bundle.evidence}]
    more = json.loads(server.requests[0]["messages"][1]["content"])["evidence"][len(bundle.evidence) :]
    evidence = (
        *bundle.evidence,
        *(type(bundle.evidence[0])(m["kind"], m["statement"], m["values"], "", 0.5, "", m["id"]) for m in more),
    )
    question = Question(bundle.case, evidence, explain(bundle.case, bundle.evidence), "high")
    again = Investigation(Replayed("m", attempt.steps), TOOLS, Desk(world, project, None, D), question, Budget()).run()
    assert again.explanation == stored.explanation
    assert context[0] in again.evidence
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("looks", "setting"),
    [
        (2, {"PULSE_MODEL_STEPS": "3"}), (1, {"PULSE_MODEL_TOKENS": "1200"}),
        (1, {"PULSE_MODEL_COST": "0.001", "PULSE_MODEL_PRICE": "1/1"}),
    ],
)  # fmt: skip
def test_at_the_end_of_its_budget_the_model_has_to_answer(
    world: World, project, server: ChatServer, looks: int, setting: dict[str, str]
) -> None:
    headline_fault(world)
    look = answer(None, calls=[("definition", {"segment": "vip"})], tokens=(900, 10))
    server.replies = [*[look] * looks, answer(json.dumps(answer_json()), tokens=(900, 10))]
    explain_incidents(world, project, D, NOW, env(server, **setting))
    (row,) = tries(world)
    assert row["outcome"] == "budget"
    assert "tools" not in server.requests[-1]
    assert server.requests[-1]["messages"][-1]["content"] == "The budget is used up. Answer now, with what you know."


def test_a_server_without_tools_is_asked_once_over_the_evidence(world: World, project, server: ChatServer) -> None:
    headline_fault(world)
    server.replies = [refuse(400, "unsupported_parameter"), Analyst(server)]
    (stored,) = explain_incidents(world, project, D, NOW, env(server))
    assert stored.explanation.source == "openai"
    assert ["tools" in r for r in server.requests] == [True, False]
    (row,) = tries(world)
    assert [s.kind for s in read_steps(row["transcript"])] == ["fallback", "model"]


def test_a_model_that_is_to_have_no_tools_is_offered_none(world: World, project, server: ChatServer) -> None:
    headline_fault(world)
    server.replies = [Analyst(server)]
    explain_incidents(world, project, D, NOW, env(server, PULSE_LLM="single"))
    assert ["tools" in r for r in server.requests] == [False]


def test_a_failure_that_may_pass_is_tried_again_and_makes_no_version_of_its_own(
    world: World, project, server: ChatServer
) -> None:
    headline_fault(world)
    server.replies = [refuse(503)] * 3
    (first,) = explain_incidents(world, project, D, NOW, env(server))
    assert (first.version, first.explanation.source) == (1, "rules")
    server.replies = [refuse(429, "insufficient_quota")]
    assert explain_incidents(world, project, D, NOW + timedelta(hours=1), env(server)) == []
    server.replies = [Analyst(server)]
    (second,) = explain_incidents(world, project, D, NOW + timedelta(hours=2), env(server))
    assert (second.version, second.explanation.source) == (2, "openai")
    asked = len(server.requests)
    assert explain_incidents(world, project, D, NOW + timedelta(hours=3), env(server)) == []
    assert len(server.requests) == asked
    assert [r["outcome"] for r in tries(world)] == ["failed", "failed", "answered"]


def test_an_answer_that_cannot_be_used_is_not_asked_for_again_but_another_model_is(
    world: World, project, server: ChatServer
) -> None:
    headline_fault(world)
    server.replies = [answer("Sure!")]
    explain_incidents(world, project, D, NOW, env(server))
    assert explain_incidents(world, project, D, NOW + timedelta(hours=1), env(server)) == []
    assert len(server.requests) == 1
    server.replies = [Analyst(server)]
    (other,) = explain_incidents(world, project, D, NOW + timedelta(hours=2), env(server, PULSE_OPENAI_MODEL="m2"))
    assert (other.version, other.explanation.model) == (2, "m2")


def test_the_budget_of_a_run_and_of_a_day_leave_the_rest_to_the_rules(
    world: World, project, server: ChatServer
) -> None:
    headline_fault(world)
    world.incident(incident_id="inc2", segment_id="whales")
    server.replies = [Analyst(server, tokens=(500, 100))]
    both = explain_incidents(world, project, D, NOW, env(server, PULSE_MODEL_RUN_TOKENS="1000"))
    assert [e.explanation.source for e in both] == ["openai", "rules"]
    assert "budget of the run is used up" in both[1].explanation.rejected[-1].reason
    asked = len(server.requests)
    assert (
        explain_incidents(world, project, D, NOW + timedelta(minutes=1), env(server, PULSE_MODEL_DAY_TOKENS="1000"))
        == []
    )
    assert len(server.requests) == asked
    (late,) = explain_incidents(world, project, D, NOW + timedelta(days=1), env(server, PULSE_MODEL_DAY_TOKENS="1000"))
    assert (late.incident_id, late.explanation.source) == ("inc2", "openai")


def test_a_persons_question_gets_a_checked_answer_and_makes_no_explanation(
    world: World, project, server: ChatServer
) -> None:
    headline_fault(world)
    right = answer_json(summary="422 of 429 members left by `ltv > 1000`.", evidence=["E3"])
    server.replies = [answer(json.dumps(right)), answer(json.dumps({**right, "summary": "429 of 422 members left."}))]
    told = ask_about(world, project, NOW, env(server), "inc1", "Who left?")
    assert told.answer == "422 of 429 members left by `ltv > 1000`. (E3)"
    assert json.loads(server.requests[0]["messages"][1]["content"])["question"] == "Who left?"
    wrong = ask_about(world, project, NOW + timedelta(hours=1), env(server), "inc1", "Who left?")
    assert wrong.answer.startswith("The model gave no answer that the evidence bears out ('429 of 422'")
    assert world.query("select count(*) as n from pulse_incident_explanations") == [{"n": 0}]
    assert [r["question"] for r in tries(world)] == ["Who left?", "Who left?"]
    with pytest.raises(ExplainError, match="Nobody can be asked"):
        ask_about(world, project, NOW, {}, "inc1", "Who left?")


def test_a_project_that_has_not_built_the_table_yet_is_explained_all_the_same(
    world: World, project, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pulse_runner.errors import NotBuiltError

    headline_fault(world)
    query = world.query

    def without(sql: str, params: tuple = ()) -> list[dict]:
        if "pulse_investigations" in sql:
            raise NotBuiltError("Pulse has no pulse_investigations.")
        return query(sql, params)

    monkeypatch.setattr(world, "query", without)
    server.replies = [Analyst(server)]
    (stored,) = explain_incidents(world, project, D, NOW, env(server))
    assert stored.explanation.source == "openai"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PULSE_MODEL_STEPS": "many"}, "PULSE_MODEL_STEPS must be a positive number"), ({"PULSE_MODEL_COST": "1"}, "A budget of money needs a price"),
        ({"PULSE_MODEL_PRICE": "cheap"}, "PULSE_MODEL_PRICE must be two numbers"), ({"PULSE_LLM": "maybe"}, "PULSE_LLM must be tools, single or off"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(ExplainError, match=said):
        model_settings({"OPENAI_API_KEY": "k", **given})


def test_a_server_at_an_address_needs_no_key() -> None:
    found = model_settings({"OPENAI_BASE_URL": "http://localhost:1234/v1", "PULSE_OPENAI_MODEL": "small"})
    assert found is not None
    assert (found.name, found.url, found.price) == ("small", "http://localhost:1234/v1", Price())
