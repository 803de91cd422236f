"""What a cause has to fill, and what faults of columns and of loads have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from pulse_runner.explain import advice
from pulse_runner.explain.case import CONVERTED, SIZES, Case
from pulse_runner.explain.explanation import CONFIDENCES, Confidence, Evidence, Hypothesis
from pulse_runner.explain.view import MOST, View, ids, said
from pulse_runner.vocabulary import percent

SLICES = ("slice_mean", "slice_true", "slice_nulls")  # where a change of a column is
COLUMN_CONTEXT = ("cause", "siblings", "lineage", "model_changed", *SLICES)  # the kinds that `column_fault` reads
RELATION_CONTEXT = ("cause", "siblings", "run", "lineage", "slice_rows")  # those of `relation_fault`
# what an incident is about: members who come and leave, what they do, whether they can be reached, what a destination
# did with them, their mix, or the relation itself
Family = Literal["members", "conversion", "inactive", "reach", "ladder", "mix", "relation", "other"]
OF_SEGMENTS: tuple[Family, ...] = ("members", "conversion", "inactive", "reach", "mix", "other")
EVERYTHING: tuple[Family, ...] = (*OF_SEGMENTS, "relation")


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

    @property
    def families(self) -> tuple[Family, ...]:
        """Return what incidents have to be about for the cause to speak."""
        ...

    @property
    def directions(self) -> tuple[str, ...]:
        """Return the directions of a metric that it can explain."""
        ...

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield a hypothesis for each trace of the cause in the evidence; none is fine."""
        ...

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Return how a hypothesis of it stands in a headline, '' where the movement says it all."""
        ...


def family_of(case: Case) -> Family:
    """Return what an incident is about."""
    if case.measure.numerator == CONVERTED or case.metric == CONVERTED:
        return "conversion"
    if not case.segment_id:
        return "relation"
    if case.metric in SIZES:
        return "members"
    if case.measure.numerator == "inactive":
        return "inactive"
    if case.channel:
        return "reach"
    if case.ladder:
        return "ladder"
    return "mix" if case.measure.is_distribution else "other"


def can_speak(cause: Cause, case: Case) -> bool:
    """Say whether a cause can explain a metric that moved in this direction; a direction that is not known excludes nothing."""
    return family_of(case) in cause.families and (
        case.direction not in ("up", "down") or case.direction in cause.directions
    )


def slices_of(view: View, column: str) -> list[Evidence]:
    """Return the facts that confine a change of a column to one bucket of an attribute."""
    return [e for e in view.of(*SLICES) if column in e.values or f"{column}_nulls" in e.values]


def of_slice(view: View, column: str) -> str:
    """Return ` of 'DE' (country)` where a change of a column is confined to a bucket, '' elsewhere."""
    return next((f" of '{e.values['bucket']}' ({e.values['attribute']})" for e in slices_of(view, column)), "")


def column_fault(
    view: View,
    fact: Evidence,
    cause: str,
    title: str,
    confirm: str,
    *,
    refute: str = "",
    actions: Sequence[str] = (),
    at_most: Confidence = "high",
    with_facts: Sequence[Evidence] = (),
) -> Hypothesis:
    """Join a fault measured in a column with the members that moved by rules on that column.

    `actions` replace the look at its nulls day by day; `at_most` bounds the confidence where the pattern allows another reading.
    """
    case, column = view.case, str(fact.values["column_name"])
    moved, lineage, edits = view.moved_through(column), view.lineage(column), view.changed(column)[:1]
    part = view.part(moved)
    siblings = [e for e in view.of("siblings") if column in e.statement]
    slices = [*with_facts, *(e for e in slices_of(view, column) if e not in with_facts)]
    own = case.metric not in SIZES and column in case.columns[:1]
    confidence: Confidence = "high" if part >= MOST or own else "medium" if column in case.columns else "low"
    confidence = max(confidence, at_most, key=CONFIDENCES.index)
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
        reasoning=" ".join([said([fact]), said(slices), said(edits), said(moved[:2]), link, said(siblings)])
        .replace("  ", " ")
        .strip(),
        evidence=ids([fact], slices, edits, moved, siblings, lineage[:1]),
        owner_hint=advice.upstream_owner(case, edits or lineage) or advice.upstream_owner(case, lineage),
        actions=(
            *(advice.look_at_edit(edits[0]) if edits else advice.look_upstream(case, column, lineage)),
            *(actions or (advice.count_values(case, column),)),
            advice.rebuild(case),
        ),
        confirm=confirm,
        refute=refute or f"The values of {column} are right and really changed on {case.last}.",
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
    confirm: str = "Other segments of the entity moved on the same date.",
    refute: str = "The rows of that date are complete and unique.",
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
    around = view.of("slice_rows", "siblings", "run")
    return Hypothesis(
        cause=cause,
        title=title,
        confidence=confidence,
        reasoning=" ".join(t for t in (said([fact]), said(moved), link, said(around)) if t),
        evidence=ids([fact], moved, around),
        owner_hint=advice.upstream_owner(case, view.of("lineage")),
        actions=(action, advice.rebuild(case)),
        confirm=confirm,
        refute=refute,
    )


def cited(view: View, hypothesis: Hypothesis, *kinds: str) -> Evidence | None:
    """Return the first fact of these kinds that a hypothesis cites, None when it cites none."""
    by_id = {e.id: e for e in view.of(*kinds)}
    return next((by_id[i] for i in hypothesis.evidence if i in by_id), None)
