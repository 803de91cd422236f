"""values_changed: a column has another scale, or other values than before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain.causes.base import COLUMN_CONTEXT, column_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, number


@dataclass(frozen=True)
class ValuesChanged:
    """Name columns whose mean or set of values jumped; nulls come first, they move both."""

    names: tuple[str, ...] = ("unit_change", "recoded")
    kinds: tuple[str, ...] = ("mean", "distinct", "nulls", *COLUMN_CONTEXT)
    faults: tuple[str, ...] = ("mean", "distinct")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield changes of scale, then changes of the set of values."""
        day = view.case.last
        for fact in view.of("mean"):
            column, ratio = fact.values["column_name"], number(fact, "mean_value") / number(fact, "before_mean_value")
            if any(e.values["column_name"] == column for e in view.of("nulls")):
                continue  # the mean moved because the rows did
            title = f"The scale of column {column} changed: its mean is {ratio:.2g} times what it was"
            confirm = f"Single keys show {column} multiplied by about {ratio:.2g} on {day} (a unit or a currency)."
            yield column_fault(view, fact, "unit_change", title, confirm)
        for fact in view.of("distinct"):
            column = fact.values["column_name"]
            if any(e.values["column_name"] == column for e in view.of("nulls", "mean")):
                continue
            title = f"Column {column} has other values than before"
            confirm = f"A value of {column} that the rule names is spelt differently since {day}."
            yield column_fault(view, fact, "recoded", title, confirm)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say what changed in the column."""
        return in_sentence(hypothesis.title)
