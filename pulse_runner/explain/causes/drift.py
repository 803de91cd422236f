"""drift: people themselves changed, and no fault was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.case import SIZES
from pulse_runner.explain.causes.base import Family
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import MOST, View, ids, said

FAULTS = (
    "nulls", "mean", "distinct", "column_missing", "column_retyped", "scale", "recoded_value", "respelt_value", "swapped_values",
    "default_value", "dates_shifted", "dates_stand",
)  # fmt: skip


@dataclass(frozen=True)
class Drift:
    """Name a change in people where the columns that they moved by are well."""

    names: tuple[str, ...] = ("people_moved", "people_drifted")
    kinds: tuple[str, ...] = ("cause", "column_steady", "flow", "rate", "stale", *FAULTS)
    faults: tuple[str, ...] = ()
    families: tuple[Family, ...] = ("members", "inactive")
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield that members crossed a condition, or that they fell silent little by little."""
        faulty = {str(e.values["column_name"]) for e in view.of(*FAULTS)}
        crossed = [e for e in view.moved_by("leaf") if not faulty & view.columns_of(e)]
        if crossed and view.part(crossed) >= MOST and view.case.metric in SIZES:
            yield _moved(view, crossed)
        elif view.case.measure.numerator == "inactive" and not view.of("stale"):
            yield _drifted(view)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say that members drift away; who moved by what is said by the movement."""
        told = hypothesis.cause == "people_drifted" and hypothesis.confidence != "low"
        return in_sentence(hypothesis.title) if told else ""


def _moved(view: View, crossed: Sequence[Evidence]) -> Hypothesis:
    case = view.case
    slow = case.last > case.first or case.measure.numerator == "inactive"
    columns = {c for e in crossed for c in view.columns_of(e)}
    steady = [e for e in view.of("column_steady") if e.values["column_name"] in columns]
    text = "Nothing is known against their columns."
    if steady:
        text = "Their columns show no fault in the health table, so the values of single people changed."
    return Hypothesis(
        cause="people_moved",
        title="People's own values changed" + (" little by little" if slow else ""),
        confidence="medium" if steady else "low",
        reasoning=f"{said(crossed[:2])} {text}",
        evidence=ids(crossed, steady, view.of("flow")),
        owner_hint=case.owner,
        actions=(
            "Look at where the members went (`pulse explain --evidence` lists the flows)"
            " and decide whether the audience still fits.",
            *(advice.count_values(case, c) for c in sorted(columns)[:1]),
        ),
        confirm="The movement is spread over many days and buckets.",
        refute="It sits on one day, one bucket or one load.",
    )


def _drifted(view: View) -> Hypothesis:
    case, steady = view.case, view.of("column_steady")
    return Hypothesis(
        cause="people_drifted",
        title="Members are drifting away",
        confidence="medium" if steady else "low",
        reasoning=(
            f"{said(view.of('rate'))} {said(steady[:1])} The rise is slow and no fault was measured on its way."
        ),
        evidence=ids(view.of("rate"), steady),
        owner_hint=case.owner,
        actions=(
            f"Win back the inactive members of {case.subject}, or tighten its rule on activity.",
            "Compare with a release or a price change at the start of the rise.",
        ),
        confirm="The inactive members have real last visits, spread over the window.",
        refute="Their last visits stop on one day.",
    )
