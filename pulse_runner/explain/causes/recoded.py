"""recoded: a value was renamed upstream, is spelt in another way, or two values changed places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import COLUMN_CONTEXT, EVERYTHING, Family, column_fault
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids, number, said

MIN_SHARE = 0.03  # of the members, that the emptied bucket must have held
EMPTIED = 0.2  # the most of its share that may be left
GAIN = (0.6, 1.5)  # what the other bucket gained, over what this one lost
FRESH = 0.2  # the most of its share that the other bucket may have held before, to be new
PATTERNS = {"recoded_value": "recoded", "respelt_value": "respelt", "swapped_values": "values_swapped"}


@dataclass(frozen=True)
class Recoded:
    """Name values that became others, by the profile of the column; where there is none, by a bucket that emptied as another filled."""

    names: tuple[str, ...] = ("recoded", "respelt", "values_swapped", "null_burst")
    kinds: tuple[str, ...] = (*PATTERNS, "bucket", "nulls", *COLUMN_CONTEXT)
    faults: tuple[str, ...] = (*PATTERNS, "bucket")
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis per pattern of a column, and per pair of buckets of another attribute."""
        known = set[str]()
        for fact in view.of(*PATTERNS):
            known.add(str(fact.values["column_name"]))
            yield _of_column(view, fact)
        for old, new in _pairs(view):
            if view.case.field_of(str(old.values["attribute"])) not in known:
                yield _pair(view, old, new)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which value became which."""
        return in_sentence(hypothesis.title)


def _of_column(view: View, fact: Evidence) -> Hypothesis:
    case, v = view.case, fact.values
    column, old, new = str(v["column_name"]), v["before_value"], v["value"]
    cause = PATTERNS[fact.kind]
    merged = number(fact, "before_share") > FRESH * number(fact, "share") and cause == "recoded"
    title = {
        "recoded": f"A value of {column} was recoded: '{old}' became '{new}'",
        "respelt": f"The values of {column} are spelt in another way: '{old}' became '{new}'",
        "values_swapped": f"Values of {column} changed places: '{old}' and '{new}'",
    }[cause]
    return column_fault(
        view, fact, cause, title,
        f"The same keys had '{old}' on {case.before} and have '{new}' on {case.last}.",
        refute=f"The keys with '{new}' are not those that had '{old}': people moved.",
        actions=(
            advice.count_buckets(case, column),
            f"Map '{new}' back to '{old}' upstream, or accept both values in the rules that read {column}.",
        ),
        at_most="medium" if merged else "high",
    )  # fmt: skip


def _pairs(view: View) -> Iterator[tuple[Evidence, Evidence]]:
    """Yield a bucket that emptied with one that filled by about as much; bins of a number are no values."""
    binned = {a.name for a in (view.case.definition.attributes if view.case.definition else ()) if a.bins}
    buckets = [e for e in view.of("bucket") if e.values["attribute"] not in binned]
    for old in buckets:
        before, now = number(old, "before_share"), number(old, "share")
        if before < MIN_SHARE or now > EMPTIED * before:
            continue
        for new in buckets:
            gain = number(new, "share") - number(new, "before_share")
            same = new.values["attribute"] == old.values["attribute"]
            if new is not old and same and GAIN[0] * (before - now) <= gain <= GAIN[1] * (before - now):
                yield old, new


def _pair(view: View, old: Evidence, new: Evidence) -> Hypothesis:
    case, attribute = view.case, old.values["attribute"]
    before, after = old.values["bucket"], new.values["bucket"]
    to_null = after == "(null)"
    fresh = number(new, "before_share") <= FRESH * number(new, "share")
    column = case.field_of(str(attribute))
    lineage, nulls = view.lineage(column), [e for e in view.of("nulls") if e.values["column_name"] == column]
    renamed = f"A value of {attribute} was recoded: '{before}' became '{after}'"
    return Hypothesis(
        cause="null_burst" if to_null else "recoded",
        title=f"Values of {attribute} became null" if to_null else renamed,
        confidence="high" if fresh else "medium",
        reasoning=(
            f"{said([old, new])} The one empties by as much as the other fills; people do not move like this in a day."
        ),
        evidence=ids([old, new], nulls, lineage[:1]),
        owner_hint=advice.upstream_owner(case, lineage),
        actions=(
            *advice.look_upstream(case, column, lineage),
            advice.count_buckets(case, column),
            f"Map '{after}' back to '{before}' upstream, or accept both values in the rules that read {column}.",
        ),
        confirm=f"The same keys had '{before}' on {case.before} and have '{after}' on {case.last}.",
        refute=f"The keys in '{after}' are not those that were in '{before}'.",
    )
