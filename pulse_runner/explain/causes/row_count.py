"""row_count: a load was incomplete, or brought rows that were not there before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import EVERYTHING, RELATION_CONTEXT, Family, family_of, relation_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, number


@dataclass(frozen=True)
class RowCount:
    """Name a jump of the relation's rows; more rows beside duplicate keys are no news."""

    names: tuple[str, ...] = ("partial_load", "extra_rows")
    kinds: tuple[str, ...] = ("rows", "duplicate_keys", *RELATION_CONTEXT)
    faults: tuple[str, ...] = ("rows",)
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the change of the row count."""
        case = view.case
        for fact in view.of("rows"):
            fewer = number(fact, "rows") < number(fact, "before_rows")
            if not fewer and view.of("duplicate_keys"):
                continue
            if family_of(case) == "members" and fewer != (
                case.direction == "down" if case.metric != "exited" else case.direction == "up"
            ):
                continue  # fewer rows make no segment larger
            cause = "partial_load" if fewer else "extra_rows"
            where = (
                next((f" of '{e.values['bucket']}' ({e.values['attribute']})" for e in view.of("slice_rows")), "")
                if fewer
                else ""
            )
            gained = f"{case.entity} gained rows that it did not have before"
            yield relation_fault(
                view, fact, cause, f"A load was incomplete: {case.entity} lost rows{where}" if fewer else gained,
                f"Compare the row count of the sources of {advice.relation(case)} on {case.last} with the day before.",
                view.moved_by("row_gone" if fewer else "row_new"),
            )  # fmt: skip

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say what became of the rows; a title that begins with a name stays as it is."""
        return in_sentence(hypothesis.title) if hypothesis.cause == "partial_load" else hypothesis.title
