"""null_burst: the null share of a column jumped, or fell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain.causes.base import COLUMN_CONTEXT, EVERYTHING, Family, cited, column_fault, of_slice
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, number
from pulse_runner.vocabulary import percent


@dataclass(frozen=True)
class NullBurst:
    """Name columns whose nulls rose or fell, with the members that moved by rules on them."""

    names: tuple[str, ...] = ("null_burst", "nulls_filled")
    kinds: tuple[str, ...] = ("nulls", "renamed_column", "default_value", *COLUMN_CONTEXT)
    faults: tuple[str, ...] = ("nulls",)
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis per column."""
        day = view.case.last
        for fact in view.of("nulls"):
            column, share = str(fact.values["column_name"]), number(fact, "null_share")
            if any(e.values["column_name"] == column for e in view.of("renamed_column", "default_value")):
                continue  # its values are elsewhere, or one value took the place of nulls
            if share > number(fact, "before_null_share"):
                title = f"Column {column} lost values{of_slice(view, column)}: nulls rose to {percent(share)}"
                confirm = f"The rows with a null {column} on {day} had a value the day before."
                yield column_fault(view, fact, "null_burst", title, confirm)
            else:
                title = f"Column {column} was filled: nulls fell to {percent(share)}"
                confirm = f"A backfill or a new default of {column} was deployed on {day}."
                yield column_fault(view, fact, "nulls_filled", title, confirm)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say both null shares."""
        fact = cited(view, hypothesis, "nulls")
        if fact is None:
            return in_sentence(hypothesis.title)
        share, before = percent(number(fact, "null_share")), percent(number(fact, "before_null_share"))
        return f"column {fact.values['column_name']} has {share} nulls since that day ({before} before)"
