"""default_filled: one value stands where several others were: a default, or a CASE that lost a branch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import COLUMN_CONTEXT, EVERYTHING, Family, column_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, number
from pulse_runner.vocabulary import percent


@dataclass(frozen=True)
class DefaultFilled:
    """Name a value that took the place of others in one day."""

    names: tuple[str, ...] = ("default_filled",)
    kinds: tuple[str, ...] = ("default_value", *COLUMN_CONTEXT)
    faults: tuple[str, ...] = ("default_value",)
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis per column."""
        case = view.case
        for fact in view.of("default_value"):
            column, value = str(fact.values["column_name"]), fact.values["value"]
            before, now = (percent(number(fact, name)) for name in ("before_share", "share"))
            yield column_fault(
                view, fact, "default_filled",
                f"A default was filled into column {column}: '{value}' went from {before} to {now} of the rows",
                f"The rows that have '{value}' since {case.last} had different values on {case.before}.",
                refute=f"Each of them chose '{value}', one by one and not in one load.",
                actions=(advice.count_buckets(case, column),),
            )  # fmt: skip

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which value was filled in."""
        return in_sentence(hypothesis.title)
