"""duplicate_load: a load ran twice, or some keys stand twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import EVERYTHING, RELATION_CONTEXT, Family, relation_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, number
from pulse_runner.vocabulary import count

WHOLE = 0.1  # of the rows, from which on copies are those of a load


@dataclass(frozen=True)
class DuplicateLoad:
    """Name duplicate keys in the relation, with the rows that are new."""

    names: tuple[str, ...] = ("duplicate_load", "duplicated_keys")
    kinds: tuple[str, ...] = ("duplicate_keys", *RELATION_CONTEXT)
    faults: tuple[str, ...] = ("duplicate_keys",)
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the duplicate keys of the day."""
        case = view.case
        for fact in view.of("duplicate_keys"):
            keys = count(number(fact, "duplicate_keys"))
            twice = number(fact, "duplicate_keys") >= WHOLE * number(fact, "rows")
            title = f"A load ran twice: {case.entity} has {keys} duplicate keys"
            if not twice:
                title = f"Some keys of {case.entity} stand more than once: {keys} duplicate keys"
            yield relation_fault(
                view, fact, "duplicate_load" if twice else "duplicated_keys", title,
                f"Run `select {advice.key(case)}, count(*) from {advice.relation(case)}{advice.on_day(case)}"
                " group by 1 having count(*) > 1` and look for rows that differ only in their load time.",
                view.moved_by("row_new"),
                confirm="The duplicate rows are copies." if twice else "The rows of one key differ in a joined column.",
                refute="The rows are different people under one key.",
            )  # fmt: skip

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say what stands twice."""
        return in_sentence(hypothesis.title)
