"""What an investigation did: each turn of the model and each call of a tool, with what it used, so that it can be replayed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pulse_runner.explain.agent.llm import Message, ModelError, ToolCall, Turn
from pulse_runner.explain.explanation import Evidence

StepKind = Literal["model", "tool", "fallback"]


@dataclass(frozen=True)
class Step:
    """One step: a turn of the model, a call of a tool, or a fallback with its reason in `said`.

    `facts` are those that a tool gave, numbered as the model saw them; `calls` what the model asked.
    """

    kind: StepKind
    said: str = ""
    name: str = ""
    arguments: str = ""
    calls: tuple[ToolCall, ...] = ()
    facts: tuple[Evidence, ...] = ()
    request_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Usage:
    """What steps used together."""

    steps: int = 0
    request_tokens: int = 0
    answer_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Return all tokens."""
        return self.request_tokens + self.answer_tokens


@dataclass
class Replayed:
    """A model that says again what a transcript says that it said."""

    name: str
    steps: Sequence[Step]
    at: int = field(default=0)

    def ask(
        self, messages: Sequence[Message], form: Any, tools: Sequence[Any] = (), timeout: float | None = None
    ) -> Turn:
        """Return the next recorded turn; raise ModelError when there is none."""
        turns = [s for s in self.steps if s.kind == "model"]
        if self.at >= len(turns):
            raise ModelError("the transcript ends here", final=True)
        step = turns[self.at]
        self.at += 1
        return Turn(step.said, step.calls, step.request_tokens, step.answer_tokens)


def steps_json(steps: Sequence[Step]) -> str:
    """Return steps as JSON text."""
    return json.dumps([asdict(s) for s in steps], ensure_ascii=False, default=str)


def read_steps(text: str) -> tuple[Step, ...]:
    """Return steps from their JSON text."""
    return tuple(_step(s) for s in json.loads(text or "[]"))


def _step(found: Mapping[str, Any]) -> Step:
    values = dict(found)
    values["calls"] = tuple(ToolCall(**c) for c in found["calls"])
    values["facts"] = tuple(Evidence(**e) for e in found["facts"])
    return Step(**values)


def as_text(steps: Sequence[Step]) -> str:
    """Return steps as people read them."""
    out = list[str]()
    for n, step in enumerate(steps, start=1):
        used = (
            f" ({step.request_tokens + step.answer_tokens:,} tokens, {step.seconds:.1f} s)"
            if step.kind == "model"
            else ""
        )
        if step.kind == "tool":
            out.append(f"{n:>3}. {step.name} {step.arguments}")
            out += [f"       {f.id:<4} {f.statement}" for f in step.facts] or [f"       {step.said}"]
            continue
        asked = "; ".join(f"{c.name} {c.arguments}" for c in step.calls)
        out.append(
            f"{n:>3}. {'the model' if step.kind == 'model' else 'without it'}{used}: {f'asks {asked}' if asked else step.said}"
        )
    return "\n".join(out)
