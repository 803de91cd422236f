"""model_changed: the code of a model above the column was edited in the days of the change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import EVERYTHING, Family
from pulse_runner.explain.explanation import Confidence, Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import MOST, View, ids, said

MEASURED = (
    "nulls", "mean", "distinct", "column_missing", "column_retyped", "rows", "duplicate_keys", "recoded_value", "respelt_value",
    "swapped_values", "default_value", "scale", "dates_shifted",
)  # fmt: skip


@dataclass(frozen=True)
class ModelChanged:
    """Name the edit above a column that the metric reads, with the expression before and after and the commit."""

    names: tuple[str, ...] = ("model_changed",)
    kinds: tuple[str, ...] = ("model_changed", "cause", "lineage", *MEASURED)
    faults: tuple[str, ...] = ("model_changed",)
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the edit that tells most; one that touched neither the column nor the rows is no cause."""
        for fact in [e for e in view.of("model_changed") if e.values["changed"] != "other"][:1]:
            case, column, node = view.case, str(fact.values["column_name"]), str(fact.values["node"])
            moved = view.moved_through(column)
            part = view.part(moved)
            measured = [e for e in view.of(*MEASURED) if e.values.get("column_name") in (column, "(rows)")]
            yield Hypothesis(
                cause="model_changed",
                title=_title(fact),
                confidence=_confidence(fact, bool(measured), part),
                reasoning=" ".join(
                    t for t in (fact.statement, said(measured[:2]), said(moved[:2]), _link(measured, moved)) if t
                ),
                evidence=ids([fact], measured, moved, view.lineage(column)[:1]),
                owner_hint=advice.upstream_owner(case, [fact]),
                actions=(*advice.look_at_edit(fact), advice.count_values(case, column), advice.rebuild(case)),
                confirm=f"With {node} as it was before {fact.values['seen_on']}, {column} has the values of {case.before or 'before'}.",
                refute=f"{node} gives the same {column} for the rows of {case.last} before and after the edit.",
            )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which model was edited."""
        return in_sentence(hypothesis.title)


def _confidence(fact: Evidence, is_measured: bool, part: float) -> Confidence:
    if fact.values["changed"] == "column" and fact.values["steps"] is not None and (is_measured or part >= MOST):
        return "high"
    return "medium" if is_measured or part >= MOST else "low"


def _link(measured: list[Evidence], moved: list[Evidence]) -> str:
    return (
        ""
        if measured or moved
        else "This coincides with the change; what the edit did to the members was not measured."
    )


def _title(fact: Evidence) -> str:
    commit = f" (commit {fact.values['commit_id']})" if fact.values["commit_id"] else ""
    return f"The code of {fact.values['node']}, above {fact.values['column_name']}, was changed{commit}"
