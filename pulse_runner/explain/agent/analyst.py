"""The model in a run: which incidents it is asked about, what it may still use today, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pulse_runner.explain.agent import store
from pulse_runner.explain.agent.investigate import Investigation, Outcome, Question
from pulse_runner.explain.agent.llm import ChatModel, make_model
from pulse_runner.explain.agent.prompt import prompt_version
from pulse_runner.explain.agent.reading import evidence_ids
from pulse_runner.explain.agent.settings import Budget, Price
from pulse_runner.explain.agent.store import Investigated
from pulse_runner.explain.agent.tools import TOOLS
from pulse_runner.explain.agent.tools.base import Desk, Tool, call
from pulse_runner.explain.agent.transcript import Usage
from pulse_runner.explain.evidence.gather import Bundle
from pulse_runner.explain.explanation import Evidence, Explanation, Rejection
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import Manifest

MODEL_CALLS = 25  # incidents per run: a bad day with hundreds of incidents must not become a bill
HISTORY_DAYS = 28
INCIDENT_DAYS = 180


@dataclass(frozen=True)
class Told:
    """An explanation with the evidence that it may cite, and the try that it came of (None where no model was asked).

    `answer` is what a person's own question got.
    """

    explanation: Explanation
    evidence: tuple[Evidence, ...]
    attempt: Investigated | None = None
    answer: str = ""

    @property
    def is_answered(self) -> bool:
        """Say whether a model answered."""
        return self.attempt is not None and self.attempt.outcome in ("answered", "budget")


class Analyst(Protocol):
    """Who explains beside the rules: nobody, or a model."""

    def is_due(self, incident_id: str, evidence_hash: str) -> bool:
        """Say whether the same evidence is to be looked at (again): nobody has answered for it yet."""
        ...

    def explain(self, bundle: Bundle, rules: Explanation, severity: str, evidence_hash: str, asked: str = "") -> Told:
        """Return the explanation of a bundle: the rules', with what a model adds to it."""
        ...


class Nobody:
    """No model: the rules speak alone."""

    def is_due(self, incident_id: str, evidence_hash: str) -> bool:
        """Return False: there is nobody to ask."""
        return False

    def explain(self, bundle: Bundle, rules: Explanation, severity: str, evidence_hash: str, asked: str = "") -> Told:
        """Return the rules' explanation."""
        return Told(rules, bundle.evidence)


@dataclass
class ModelAnalyst:
    """A model, with its budget over the incidents of a run and over the runs of a day."""

    model: ChatModel
    warehouse: Warehouse
    project: Project
    manifest: Manifest | None
    now: datetime
    budget: Budget = field(default_factory=Budget)
    price: Price = field(default_factory=Price)
    tools: Sequence[Tool] = TOOLS
    clean: Any = str
    root: Path | None = None
    calls: int = 0
    used: Usage = field(default_factory=Usage)
    unavailable: str = ""  # why asking again is no use

    def __post_init__(self) -> None:
        """Read what was tried before, and what was used today."""
        now = self.now.astimezone(UTC).replace(tzinfo=None) if self.now.tzinfo else self.now
        self._tries = store.last_tries(self.warehouse)
        self._today = store.used_since(self.warehouse, now.replace(hour=0, minute=0, second=0, microsecond=0))

    def is_due(self, incident_id: str, evidence_hash: str) -> bool:
        """Say whether the model has to be asked about the same evidence: not yet, another model or task, or a failure that may pass."""
        last = self._tries.get(incident_id)
        key = (evidence_hash, self.model.name, prompt_version())
        if last is None or (last["evidence_hash"], last["model"], last["prompt_version"]) != key:
            return True
        return bool(last["outcome"] == "failed" and last["is_passing"])

    def explain(self, bundle: Bundle, rules: Explanation, severity: str, evidence_hash: str, asked: str = "") -> Told:
        """Return the model's explanation, or the rules' with the reason why there is none."""
        refusal = self._refusal()
        if refusal:
            failed = replace(rules, rejected=(*rules.rejected, Rejection("answer", "", refusal)))
            return Told(failed, bundle.evidence)
        self.calls += 1
        desk = Desk(
            self.warehouse,
            self.project,
            self.manifest,
            max(bundle.case.last, bundle.case.first),
            bundle.case.k,
            self.root,
        )
        evidence = self._with_context(bundle, desk)
        question = Question(bundle.case, evidence, rules, severity, asked)
        outcome = Investigation(self.model, self.tools, desk, question, self.budget, self.price, self.clean).run()
        self.unavailable = outcome.why if outcome.final else ""
        self._spend(outcome.usage)
        evidence = _cited(bundle.evidence, outcome)
        attempt = self._attempt(bundle, outcome, evidence_hash, asked)
        return Told(outcome.explanation, evidence, attempt, outcome.answer)

    def _with_context(self, bundle: Bundle, desk: Desk) -> tuple[Evidence, ...]:
        """Return the evidence with the metric's history and the incidents before, numbered on."""
        case, out = bundle.case, list(bundle.evidence)
        asked: list[tuple[str, dict[str, object]]] = [("incidents", {"entity": case.entity, "days": INCIDENT_DAYS})]
        if case.segment_id and not case.measure.is_distribution and case.metric:
            asked.insert(0, ("history", {"segment": case.segment_id, "metric": case.metric, "days": HISTORY_DAYS}))
        for name, given in asked:
            facts = call(TOOLS, desk, name, given).result.facts
            out += [replace(f, id=f"E{len(out) + n}") for n, f in enumerate(facts[:8], start=1)]
        return tuple(out)

    def _refusal(self) -> str:
        """Return why the model is not asked, '' when it may be."""
        own = self.budget
        tokens, cost = self._today
        if self.unavailable:
            return self.unavailable
        if self.calls >= MODEL_CALLS:
            return f"more than {MODEL_CALLS} incidents in one run"
        if self.used.tokens >= own.run_tokens or (own.run_cost and self.used.cost >= own.run_cost):
            return "the model's budget of the run is used up (PULSE_MODEL_RUN_TOKENS, PULSE_MODEL_RUN_COST)"
        if tokens + self.used.tokens >= own.day_tokens or (own.day_cost and cost + self.used.cost >= own.day_cost):
            return "the model's budget of the day is used up (PULSE_MODEL_DAY_TOKENS, PULSE_MODEL_DAY_COST)"
        return ""

    def _spend(self, more: Usage) -> None:
        mine = self.used
        self.used = Usage(
            mine.steps + more.steps, mine.request_tokens + more.request_tokens, mine.answer_tokens + more.answer_tokens,
            round(mine.cost + more.cost, 6), mine.seconds + more.seconds,
        )  # fmt: skip

    def _attempt(self, bundle: Bundle, outcome: Outcome, evidence_hash: str, asked: str) -> Investigated:
        case, version = bundle.case, prompt_version()
        return Investigated(
            store.identity(case.incident_id, evidence_hash, self.model.name, version, asked, self.now), case.incident_id, "", case.last,
            self.now, self.model.name, version, evidence_hash, asked, outcome.ended, outcome.why, outcome.passing, outcome.verdict,
            outcome.usage, outcome.steps,
        )  # fmt: skip


def make_analyst(
    env: Mapping[str, str],
    warehouse: Warehouse,
    project: Project,
    manifest: Manifest | None,
    now: datetime,
    root: Path | None,
) -> Analyst:
    """Return who explains beside the rules, by the environment; raise ExplainError on a bad setting."""
    model = make_model(env, root)
    if model is None:
        return Nobody()
    settings = model.settings
    tools: Sequence[Tool] = TOOLS if settings.uses_tools else ()
    return ModelAnalyst(
        model, warehouse, project, manifest, now, settings.budget, settings.price, tools, model.secrets.clean, root
    )


def _cited(own: Sequence[Evidence], outcome: Outcome) -> tuple[Evidence, ...]:
    """Return the evidence of the rules, and of what was added to it what the explanation speaks of."""
    told = outcome.explanation
    cited = {i for h in told.hypotheses for i in h.evidence}
    cited |= set(
        evidence_ids(" ".join([told.headline, told.summary, outcome.answer, *(h.against for h in told.hypotheses)]))
    )
    mine = {e.id for e in own}
    return (*own, *(e for e in outcome.evidence if e.id not in mine and e.id in cited))
