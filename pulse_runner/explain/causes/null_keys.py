"""null_keys: rows of the relation lost their key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import EVERYTHING, RELATION_CONTEXT, Family, relation_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View


@dataclass(frozen=True)
class NullKeys:
    """Name rows without a key, with the rows that are gone."""

    names: tuple[str, ...] = ("null_keys",)
    kinds: tuple[str, ...] = ("null_keys", *RELATION_CONTEXT)
    faults: tuple[str, ...] = ("null_keys",)
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the null keys of the day."""
        case = view.case
        for fact in view.of("null_keys"):
            yield relation_fault(
                view, fact, "null_keys", f"Rows of {case.entity} lost their key",
                f"Look at the join that makes {advice.key(case)} in {advice.relation(case)}.",
                view.moved_by("row_gone"),
            )  # fmt: skip

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say that rows lost their key."""
        return in_sentence(hypothesis.title)
