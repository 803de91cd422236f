"""One investigation: the model calls tools, reads results, and answers, within its budget. Every step is recorded.

The loop decides nothing about the case. It hands the answer to `answer_check.py`, with all evidence that there is then.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pulse_runner.explain.agent.answer_check import Checked, check_answer, check_text
from pulse_runner.explain.agent.facts import known_of
from pulse_runner.explain.agent.llm import ChatModel, Message, ModelError, ToolCall, Turn, as_message, rough_tokens
from pulse_runner.explain.agent.prompt import LAST_WORD, QUESTION, SYSTEM, as_told, payload
from pulse_runner.explain.agent.settings import Budget, Price
from pulse_runner.explain.agent.shape import Answer, read_answer, response_format
from pulse_runner.explain.agent.tools.base import Desk, Result, Tool, call, schema_of
from pulse_runner.explain.agent.transcript import Step, Usage
from pulse_runner.explain.case import Case
from pulse_runner.explain.explanation import Evidence, Explanation, Rejection
from pulse_runner.scrub import scrub

CALLS_PER_TURN = 4


@dataclass(frozen=True)
class Question:
    """What is investigated: a case with its evidence and what the rules say; `asked` is a person's own question, or ''."""

    case: Case
    evidence: tuple[Evidence, ...]
    rules: Explanation
    severity: str = ""
    asked: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of an investigation.

    `ended` is answered, budget (it had to answer), or failed with the reason in `why`; a `passing` failure may go by. The
    evidence is that of the question and all that tools gave. `answer` is what a person's own question got.
    """

    explanation: Explanation
    evidence: tuple[Evidence, ...]
    steps: tuple[Step, ...]
    usage: Usage
    ended: str
    why: str = ""
    verdict: str = ""
    passing: bool = False
    final: bool = False
    answer: str = ""


@dataclass
class Investigation:
    """An investigation while it runs."""

    model: ChatModel
    tools: Sequence[Tool]
    desk: Desk
    question: Question
    budget: Budget
    price: Price = field(default_factory=Price)
    clean: Callable[[str], str] = str
    clock: Callable[[], float] = time.monotonic
    steps: list[Step] = field(default_factory=list)
    found: list[Evidence] = field(default_factory=list)

    def run(self) -> Outcome:
        """Investigate, and return what is known then. A model that fails leaves the rules' explanation, with the reason."""
        self._begun = self.clock()
        try:
            return self._answered(*self._converse())
        except ModelError as error:
            rules = self.question.rules
            failed = replace(rules, rejected=(*rules.rejected, Rejection("answer", "", str(error))))
            return self._outcome(
                Checked(failed, "inconclusive"),
                "failed",
                why=str(error),
                passing=error.passing,
                final=error.final,
                verdict="",
            )

    @property
    def usage(self) -> Usage:
        """Return what was used so far."""
        asked, answered = sum(s.request_tokens for s in self.steps), sum(s.answer_tokens for s in self.steps)
        return Usage(
            len(self.steps), asked, answered, self.price.of(asked, answered), round(self.clock() - self._begun, 3)
        )

    def _converse(self) -> tuple[str, str]:
        """Return the text of the model's answer, and how it ended; raise ModelError when there is none."""
        q = self.question
        system = SYSTEM + (f"\n{QUESTION}the question stands in the user message." if q.asked else "")
        messages: list[Message] = [
            {"role": "system", "content": system},
            {"role": "user", "content": payload(q.case, q.evidence, q.rules, q.severity, q.asked)},
        ]
        offered, ended = [_offer(t) for t in self.tools], "answered"
        while True:
            if offered and self._spent():
                offered, ended = [], "budget"
                messages.append({"role": "user", "content": LAST_WORD})
            try:
                turn = self._turn(messages, offered)
            except ModelError as error:
                if not (offered and error.no_tools):
                    raise
                self.steps.append(Step("fallback", f"{error}; asked once more without tools"))
                offered, messages = [], list(messages[:2])
                continue
            if not turn.calls or not offered:
                return turn.content, ended
            messages.append(as_message(turn))
            for asked in turn.calls:
                messages.append(self._tool(asked, asked in turn.calls[:CALLS_PER_TURN]))

    def _turn(self, messages: Sequence[Message], offered: Sequence[Any]) -> Turn:
        begun = self.clock()
        left = self.budget.seconds - (begun - self._begun)
        turn = self.model.ask(messages, response_format(), offered, max(left, 5.0))
        used = (
            turn
            if turn.request_tokens
            else replace(turn, request_tokens=rough_tokens(messages), answer_tokens=len(turn.content) // 4)
        )
        self.steps.append(
            Step(
                "model", turn.content, calls=turn.calls, request_tokens=used.request_tokens, answer_tokens=used.answer_tokens,
                seconds=round(self.clock() - begun, 3),
            )
        )  # fmt: skip
        return turn

    def _tool(self, asked: ToolCall, is_run: bool) -> Message:
        """Run one call and return the message that tells its result; the facts get ids and become evidence."""
        begun, facts, said = self.clock(), tuple[Evidence, ...](), ""
        if is_run:
            answered = call(self.tools, self.desk, asked.name, asked.arguments)
            facts, said = self._numbered(answered.result), answered.refusal or answered.result.note
        else:
            said = f"only {CALLS_PER_TURN} calls of a turn are run"
        self.steps.append(
            Step(
                "tool", said, scrub(asked.name, 60), scrub(asked.arguments, 500), facts=facts,
                seconds=round(self.clock() - begun, 3),
            )
        )  # fmt: skip
        told = {"facts": [as_told(e) for e in facts], "note": said}
        return {
            "role": "tool",
            "tool_call_id": asked.call_id,
            "content": json.dumps(told, ensure_ascii=False, default=str),
        }

    def _numbered(self, result: Result) -> tuple[Evidence, ...]:
        """Return the facts of a result with ids; what was found before keeps the id that it has."""
        known = {(e.kind, e.statement): e for e in self.found}
        out = list[Evidence]()
        for fact in result.facts:
            if (fact.kind, fact.statement) not in known:
                numbered = replace(fact, id=f"E{len(self.question.evidence) + len(self.found) + 1}")
                self.found.append(numbered)
                known[fact.kind, fact.statement] = numbered
            out.append(known[fact.kind, fact.statement])
        return tuple(out)

    def _spent(self) -> bool:
        """Say whether nothing more may be looked up: one answer must still fit."""
        used, own = self.usage, self.budget
        return bool(
            used.steps >= own.steps
            or used.tokens >= own.tokens * 0.7
            or used.seconds >= own.seconds * 0.7
            or (own.cost and used.cost >= own.cost * 0.7)
        )

    def _answered(self, content: str, ended: str) -> Outcome:
        q = self.question
        try:
            answer = read_answer(content, self.clean)
        except ValueError as error:
            raise ModelError(str(error), final=False) from None
        evidence = (*q.evidence, *self.found)
        checked = check_answer(answer, q.case, evidence, q.rules, self.model.name)
        return self._outcome(checked, ended, answer=self._reply(answer, evidence) if q.asked else "")

    def _reply(self, answer: Answer, evidence: Sequence[Evidence]) -> str:
        """Return what a model answers to a person's question, with the evidence for it, where it passes the checks."""
        found = check_text(answer.summary, known_of(self.question.case, evidence, self.question.rules), answer.evidence)
        if found.wrong or not answer.summary:
            return f"The model gave no answer that the evidence bears out ({found.wrong or 'it is empty'})."
        known = {e.id for e in evidence}
        cited = [i for i in dict.fromkeys((*answer.evidence, *found.needs)) if i in known]
        said = f" ({', '.join(cited)})" if cited else ""
        return f"{answer.summary}{said}"

    def _outcome(
        self, checked: Checked, ended: str, *, why: str = "", passing: bool = False, final: bool = False,
        verdict: str | None = None, answer: str = "",
    ) -> Outcome:  # fmt: skip
        told, evidence = checked.explanation, (*self.question.evidence, *self.found)
        return Outcome(
            told, evidence, tuple(self.steps), self.usage, ended, why,
            checked.verdict if verdict is None else verdict, passing, final, answer,
        )  # fmt: skip


def _offer(tool: Tool) -> dict[str, Any]:
    """Return a tool as Chat Completions takes it."""
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": schema_of(tool), "strict": True},
    }
