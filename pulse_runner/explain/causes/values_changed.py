"""values_changed: a column has another scale, amounts that are counted twice, or other values than before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import COLUMN_CONTEXT, EVERYTHING, Family, column_fault, of_slice, slices_of
from pulse_runner.explain.evidence.profiles import figure
from pulse_runner.explain.evidence.shapes import EVEN
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, number

COPIES = (2.0, 3.0)  # what a fan-out multiplies by, where all amounts come from the table that was joined twice
NEAR = 0.03
VALUES = (
    "recoded_value",
    "respelt_value",
    "swapped_values",
    "default_value",
    "renamed_column",
    "column_missing",
    "column_retyped",
)


@dataclass(frozen=True)
class ValuesChanged:
    """Name columns whose scale or set of values jumped; nulls and single values come first, they move both."""

    names: tuple[str, ...] = ("unit_change", "join_fan_out", "recoded")
    kinds: tuple[str, ...] = ("scale", "mean", "distinct", "nulls", "duplicate_keys", *VALUES, *COLUMN_CONTEXT)
    faults: tuple[str, ...] = ("scale", "mean", "distinct")
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield changes of scale, then changes of the set of values."""
        better = {str(e.values["column_name"]) for e in view.of("nulls", *VALUES)}
        told = set[str]()
        for fact in view.of("scale", "mean"):
            column = str(fact.values["column_name"])
            if column in better or column in told:
                continue
            told.add(column)
            yield _fan_out(view, fact) if _is_fan_out(view, fact) else _unit(view, fact)
        for fact in view.of("distinct"):
            column = str(fact.values["column_name"])
            if column in better or column in told:
                continue
            title = f"Column {column} has other values than before"
            confirm = f"A value of {column} that the rule names is spelt differently since {view.case.last}."
            yield column_fault(
                view,
                fact,
                "recoded",
                title,
                confirm,
                actions=(advice.count_buckets(view.case, column),),
                at_most="medium",
            )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say what changed in the column."""
        return in_sentence(hypothesis.title)


def _ratios(fact: Evidence) -> tuple[float, float, float]:
    """Return by how much the middle, the least and the most of a column changed."""
    if fact.kind == "mean":
        ratio = number(fact, "mean_value") / number(fact, "before_mean_value")
        return ratio, ratio, ratio
    low, high = number(fact, "low_ratio"), number(fact, "high_ratio")
    before = number(fact, "before_median_value")
    return (number(fact, "median_value") / before if before else (low + high) / 2), low, high


def _is_fan_out(view: View, fact: Evidence) -> bool:
    """Say whether amounts are there twice: none fell, none more than doubled, keys are unique, and no slice has it alone.

    A factor of the whole column is a unit, unless it is a small whole number.
    """
    middle, low, high = _ratios(fact)
    column = str(fact.values["column_name"])
    if fact.kind == "mean" or view.of("duplicate_keys") or slices_of(view, column):
        return False
    even = high - low <= EVEN * middle
    whole = any(abs(middle / n - 1) <= NEAR for n in COPIES)
    return whole if even else low >= 0.99 and high <= COPIES[0] * (1 + NEAR)


def _unit(view: View, fact: Evidence) -> Hypothesis:
    case, column = view.case, str(fact.values["column_name"])
    middle, low, high = _ratios(fact)
    where = of_slice(view, column)
    for e in slices_of(view, column):
        if e.kind == "slice_mean":
            middle = number(e, column) / number(e, f"before_{column}")
            break
    times = (
        f"{figure(middle)} times"
        if where or high - low <= 2 * EVEN * middle
        else f"{figure(low)} to {figure(high)} times"
    )
    return column_fault(
        view, fact, "unit_change",
        f"The unit or currency of column {column}{where} changed: its values are {times} what they were",
        f"Single keys show {column} multiplied by about {figure(middle)} on {case.last} (a unit or a currency).",
        actions=(advice.compare_means(case, column),),
        at_most="high" if where or high - low <= 2 * EVEN * middle else "medium",
    )  # fmt: skip


def _fan_out(view: View, fact: Evidence) -> Hypothesis:
    case, column = view.case, str(fact.values["column_name"])
    middle, _, high = _ratios(fact)
    return column_fault(
        view, fact, "join_fan_out",
        f"A join upstream counts amounts of column {column} more than once: its values are up to {figure(high)} times what they were",
        f"The rows that {column} is summed from have a key twice since {case.last}, while {case.entity} has each of its own once.",
        refute=f"The sums of the source of {column} rose by as much (median {figure(middle)} times).",
        actions=(advice.compare_means(case, column), f"Look for a join above {column} whose keys are not unique any more."),
    )  # fmt: skip
