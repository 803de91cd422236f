"""missing_column: a column is gone, carries another name now, or has another type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import COLUMN_CONTEXT, EVERYTHING, Family, cited, column_fault
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids


@dataclass(frozen=True)
class MissingColumn:
    """Name columns that are gone or have another type; a broken snapshot names them too."""

    names: tuple[str, ...] = ("column_missing", "column_renamed", "column_retyped")
    kinds: tuple[str, ...] = ("column_missing", "column_retyped", "renamed_column", "nulls", "status", *COLUMN_CONTEXT)
    faults: tuple[str, ...] = ("column_missing", "column_retyped", "renamed_column", "status")
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis per column, or one for a segment that cannot be evaluated."""
        facts, renamed = view.of("column_missing", "column_retyped"), view.of("renamed_column")
        for fact in renamed:
            yield _renamed(view, fact)
        for fact in facts:
            if not any(e.values["column_name"] == fact.values["column_name"] for e in renamed):
                yield _of_column(view, fact)
        if not facts and not renamed:
            for status in view.of("status"):
                if status.values["status"] == "broken":
                    yield _of_segment(view, status)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say what became of the column; the title where the snapshot is what says so."""
        fact = cited(view, hypothesis, "status", "column_missing", "column_retyped")
        if hypothesis.cause == "column_renamed" or fact is None or fact.kind == "status":
            return in_sentence(hypothesis.title)
        v = fact.values
        if fact.kind == "column_missing":
            return f"column {v['column_name']} is missing"
        return f"column {v['column_name']} is {v['data_type']}, it was {v['before_data_type']}"


def _of_column(view: View, fact: Evidence) -> Hypothesis:
    column, gone = fact.values["column_name"], fact.kind == "column_missing"
    what = "was dropped or renamed" if gone else f"changed its type to {fact.values['data_type']}"
    found = column_fault(
        view, fact, fact.kind, f"Column {column} {what} upstream",
        f"The history of the model that makes {column} shows the edit on or before {view.case.last}.",
    )  # fmt: skip
    named = [e for e in view.of("status") if str(column) in str(e.values["status_reason"])]
    return replace(found, confidence="high", evidence=ids(named) + found.evidence) if named else found


def _renamed(view: View, fact: Evidence) -> Hypothesis:
    case, column, new = view.case, fact.values["column_name"], fact.values["new_column"]
    gone = [e for e in view.of("column_missing", "nulls") if e.values["column_name"] == column]
    found = column_fault(
        view, fact, "column_renamed", f"Column {column} was renamed upstream: {new} carries its values",
        f"The model that makes {column} names it {new} since {case.last}.",
        refute=f"{new} was there before, beside {column}.",
        actions=(f"Read {new} in the model of {advice.relation(case)}, or in the fields of {case.entity}, in the place of {column}.",),
        with_facts=gone,
    )  # fmt: skip
    named = [e for e in view.of("status") if str(column) in str(e.values["status_reason"])]
    return replace(found, confidence="high", evidence=ids(named) + found.evidence) if named else found


def _of_segment(view: View, status: Evidence) -> Hypothesis:
    case = view.case
    return Hypothesis(
        cause="column_missing",
        title=f"The segment cannot be evaluated: {status.values['status_reason']}",
        confidence="high",
        reasoning=status.statement,
        evidence=ids([status]),
        owner_hint=advice.upstream_owner(case, view.of("lineage")),
        actions=(
            f"Compare the columns of {advice.relation(case)} with the definition of {case.subject};"
            " put the column back upstream, or edit the rule.",
            advice.rebuild(case),
        ),
        confirm="The relation lacks the column, or has it with another type.",
        refute="The column is there with its declared type.",
    )
