"""duplicate_load: a load ran twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import RELATION_CONTEXT, relation_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, number
from pulse_runner.vocabulary import count


@dataclass(frozen=True)
class DuplicateLoad:
    """Name duplicate keys in the relation, with the rows that are new."""

    names: tuple[str, ...] = ("duplicate_load",)
    kinds: tuple[str, ...] = ("duplicate_keys", *RELATION_CONTEXT)
    faults: tuple[str, ...] = ("duplicate_keys",)

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the duplicate keys of the day."""
        case = view.case
        for fact in view.of("duplicate_keys"):
            yield relation_fault(
                view, fact, "duplicate_load",
                f"A load ran twice: {case.entity} has {count(number(fact, 'duplicate_keys'))} duplicate keys",
                f"Run `select {advice.key(case)}, count(*) from {advice.relation(case)}{advice.on_day(case)}"
                " group by 1 having count(*) > 1` and look for rows that differ only in their load time.",
                view.moved_by("row_new"),
            )  # fmt: skip

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say that a load ran twice."""
        return in_sentence(hypothesis.title)
