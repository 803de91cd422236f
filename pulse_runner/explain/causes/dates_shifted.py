"""dates_shifted: all dates of a column lie a whole number of days earlier or later: a time zone, a cast, a late cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import COLUMN_CONTEXT, EVERYTHING, Family, column_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, number
from pulse_runner.vocabulary import plural


@dataclass(frozen=True)
class DatesShifted:
    """Name a column whose dates moved together; people do not all come a day earlier."""

    names: tuple[str, ...] = ("dates_shifted",)
    kinds: tuple[str, ...] = ("dates_shifted", *COLUMN_CONTEXT)
    faults: tuple[str, ...] = ("dates_shifted",)
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis per column."""
        case = view.case
        for fact in view.of("dates_shifted"):
            column, days = str(fact.values["column_name"]), int(number(fact, "days"))
            yield column_fault(
                view, fact, "dates_shifted",
                f"The dates of column {column} are {plural(abs(days), 'day')} {'early' if days < 0 else 'late'}",
                f"Single keys have another {column} than their newest event says: a time zone or a cast to a date.",
                refute=f"The newest events themselves lie {plural(abs(days), 'day')} further {'back' if days < 0 else 'on'}.",
                actions=(advice.count_days(case, column),),
            )  # fmt: skip

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say by how much."""
        return in_sentence(hypothesis.title)
