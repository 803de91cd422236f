"""The answer that a model must give: a strict JSON schema, read into plain values. Free text is bounded and has no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pulse_runner.explain.agent.actions import Action, ActionKind
from pulse_runner.explain.agent.wording import plain_text
from pulse_runner.explain.explanation import Confidence
from pulse_runner.scrub import clip

Verdict = Literal["data_fault", "definition_change", "real_change", "expected", "false_alarm", "inconclusive"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ActionShape(_Strict):
    """One step as the model must return it: '' in every argument that its kind does not take."""

    kind: ActionKind
    target: str
    column: str
    first: str
    last: str
    check: str


class HypothesisShape(_Strict):
    """One hypothesis as the model must return it; `takes_up` is the id of the rules' hypothesis that it words, or ''."""

    takes_up: str
    title: str
    confidence: Literal["high", "medium", "low"]
    reasoning: str
    evidence: Annotated[list[str], Field(max_length=8)]
    against: str
    actions: Annotated[list[ActionShape], Field(max_length=4)]
    confirm: str
    refute: str


class DisagreementShape(_Strict):
    """Where the model thinks otherwise than a hypothesis of the rules, and on what evidence."""

    hypothesis: str
    why: str
    evidence: Annotated[list[str], Field(max_length=8)]


class AnswerShape(_Strict):
    """The whole answer as the model must return it."""

    verdict: Verdict
    headline: str
    summary: str
    evidence: Annotated[list[str], Field(max_length=8)]
    hypotheses: Annotated[list[HypothesisShape], Field(max_length=4)]
    disagreements: Annotated[list[DisagreementShape], Field(max_length=4)]


@dataclass(frozen=True)
class Proposal:
    """A hypothesis of a model, of the right shape and unchecked."""

    title: str
    confidence: Confidence
    reasoning: str
    evidence: tuple[str, ...]
    takes_up: str = ""
    against: str = ""
    actions: tuple[Action, ...] = ()
    confirm: str = ""
    refute: str = ""


@dataclass(frozen=True)
class Disagreement:
    """A doubt of a model about a hypothesis of the rules, unchecked."""

    hypothesis: str
    why: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a model wrote, of the right shape; `evidence` holds the ids of what headline and summary rest on."""

    headline: str
    summary: str
    evidence: tuple[str, ...]
    hypotheses: tuple[Proposal, ...]
    verdict: Verdict = "inconclusive"
    disagreements: tuple[Disagreement, ...] = ()


def response_format() -> Any:
    """Return the strict JSON schema that the answer must have."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "explanation", "strict": True, "schema": AnswerShape.model_json_schema()},
    }


def read_answer(content: str, clean: Callable[[str], str]) -> Answer:
    """Return the answer in a completion's text; raise ValueError when it is not of the asked shape.

    `clean` takes secrets out: the server may have put one into it.
    """
    try:
        shape = AnswerShape.model_validate(json.loads(content))
    except (ValidationError, ValueError, RecursionError) as error:
        raise ValueError(f"the answer is not of the asked shape ({type(error).__name__})") from None

    def told(text: str, limit: int) -> str:
        """Return text as one bounded line, addresses kept so that the check can see and reject them."""
        return clip(plain_text(clean(text)), limit)

    def ids(found: list[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(told(i, 20) for i in found))

    return Answer(
        verdict=shape.verdict,
        headline=told(shape.headline, 240),
        summary=told(shape.summary, 1200),
        evidence=ids(shape.evidence),
        hypotheses=tuple(
            Proposal(
                takes_up=told(h.takes_up, 20),
                title=told(h.title, 160),
                confidence=h.confidence,
                reasoning=told(h.reasoning, 1200),
                evidence=ids(h.evidence),
                against=told(h.against, 600),
                actions=tuple(
                    Action(
                        a.kind, told(a.target, 200), told(a.column, 120), told(a.first, 20), told(a.last, 20),
                        told(a.check, 20),
                    )
                    for a in h.actions
                ),
                confirm=told(h.confirm, 300),
                refute=told(h.refute, 300),
            )
            for h in shape.hypotheses
        ),
        disagreements=tuple(
            Disagreement(told(d.hypothesis, 20), told(d.why, 600), ids(d.evidence)) for d in shape.disagreements
        ),
    )  # fmt: skip
