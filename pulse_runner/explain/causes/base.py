"""What a cause has to fill, and what faults of columns and of loads have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from pulse_runner.explain import advice
from pulse_runner.explain.case import SIZES
from pulse_runner.explain.explanation import Confidence, Evidence, Hypothesis
from pulse_runner.explain.view import MOST, View, ids, said
from pulse_runner.vocabulary import percent

COLUMN_CONTEXT = ("cause", "siblings", "lineage", "model_changed")  # the kinds that `column_fault` reads
RELATION_CONTEXT = ("cause", "siblings", "run", "lineage")  # those of `relation_fault`


class Cause(Protocol):
    """A reason why a segment changes: the evidence it reads, its rule and its words."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return what a hypothesis of it can be called in its `cause`."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of evidence that it reads."""
        ...

    @property
    def faults(self) -> tuple[str, ...]:
        """Return those of its kinds that are a measured fault: they bear high confidence."""
        ...

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield a hypothesis for each trace of the cause in the evidence; none is fine."""
        ...

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Return how a hypothesis of it stands in a headline, '' where the movement says it all."""
        ...


def column_fault(view: View, fact: Evidence, cause: str, title: str, confirm: str) -> Hypothesis:
    """Join a fault measured in a column with the members that moved by rules on that column."""
    case, column = view.case, str(fact.values["column_name"])
    moved, lineage, edits = view.moved_through(column), view.lineage(column), view.changed(column)[:1]
    part = view.part(moved)
    siblings = [e for e in view.of("siblings") if column in e.statement]
    own = case.metric not in SIZES and column in case.columns[:1]
    confidence: Confidence = "high" if part >= MOST or own else "medium" if column in case.columns else "low"
    if moved:
        link = f"Conditions on {column} account for {percent(part)} of the members that moved beyond the usual."
    elif own:
        link = f"The metric is counted from {column}."
    else:
        link = f"This coincides with the change; which members moved because of {column} was not measured."
    return Hypothesis(
        cause=cause,
        title=title,
        confidence=confidence,
        reasoning=" ".join([said([fact]), said(edits), said(moved[:2]), link, said(siblings)])
        .replace("  ", " ")
        .strip(),
        evidence=ids([fact], edits, moved, siblings, lineage[:1]),
        owner_hint=advice.upstream_owner(case, edits or lineage) or advice.upstream_owner(case, lineage),
        actions=(
            *(advice.look_at_edit(edits[0]) if edits else advice.look_upstream(case, column, lineage)),
            advice.count_values(case, column),
            advice.rebuild(case),
        ),
        confirm=confirm,
        refute=f"The values of {column} are right and really changed on {case.last}.",
    )


def relation_fault(
    view: View,
    fact: Evidence,
    cause: str,
    title: str,
    action: str,
    moved: Sequence[Evidence],
    *,
    sure: bool = False,
) -> Hypothesis:
    """Join a fault measured in the relation with the members that moved by it.

    `sure` faults need no movement to be believed.
    """
    case, part = view.case, view.part(moved)
    confidence: Confidence = "high" if sure or part >= MOST or not case.segment_id else "medium"
    link = "This coincides with the change."
    if moved:
        link = f"These causes make {percent(part)} of the movement beyond the usual."
    elif sure:
        link = ""
    around = view.of("siblings", "run")
    return Hypothesis(
        cause=cause,
        title=title,
        confidence=confidence,
        reasoning=" ".join(t for t in (said([fact]), said(moved), link, said(around)) if t),
        evidence=ids([fact], moved, around),
        owner_hint=advice.upstream_owner(case, view.of("lineage")),
        actions=(action, advice.rebuild(case)),
        confirm="Other segments of the entity moved on the same date.",
        refute="The rows of that date are complete and unique.",
    )


def cited(view: View, hypothesis: Hypothesis, *kinds: str) -> Evidence | None:
    """Return the first fact of these kinds that a hypothesis cites, None when it cites none."""
    by_id = {e.id: e for e in view.of(*kinds)}
    return next((by_id[i] for i in hypothesis.evidence if i in by_id), None)
