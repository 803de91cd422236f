"""recoded: one bucket empties as another fills by about as much: the value was renamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids, number, said

MIN_SHARE = 0.03  # of the members, that the emptied bucket must have held
EMPTIED = 0.2  # the most of its share that may be left
GAIN = (0.6, 1.5)  # what the other bucket gained, over what this one lost
FRESH = 0.2  # the most of its share that the other bucket may have held before, to be new


@dataclass(frozen=True)
class Recoded:
    """Pair a bucket that emptied with one that filled; `null_burst` when that is the null one."""

    names: tuple[str, ...] = ("recoded", "null_burst")
    kinds: tuple[str, ...] = ("bucket", "lineage")
    faults: tuple[str, ...] = ("bucket",)

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis per pair of buckets of one attribute."""
        buckets = view.of("bucket")
        for old in buckets:
            before, now = number(old, "before_share"), number(old, "share")
            if before < MIN_SHARE or now > EMPTIED * before:
                continue
            for new in buckets:
                gain = number(new, "share") - number(new, "before_share")
                same = new.values["attribute"] == old.values["attribute"]
                if new is not old and same and GAIN[0] * (before - now) <= gain <= GAIN[1] * (before - now):
                    yield _pair(view, old, new)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which value became which."""
        return in_sentence(hypothesis.title)


def _pair(view: View, old: Evidence, new: Evidence) -> Hypothesis:
    case, attribute = view.case, old.values["attribute"]
    before, after = old.values["bucket"], new.values["bucket"]
    to_null = after == "(null)"
    fresh = number(new, "before_share") <= FRESH * number(new, "share")
    column = case.field_of(str(attribute))
    lineage = view.lineage(column)
    renamed = f"A value of {attribute} was recoded: '{before}' became '{after}'"
    return Hypothesis(
        cause="null_burst" if to_null else "recoded",
        title=f"Values of {attribute} became null" if to_null else renamed,
        confidence="high" if fresh else "medium",
        reasoning=(
            f"{said([old, new])} The one empties by as much as the other fills; people do not move like this in a day."
        ),
        evidence=ids([old, new], lineage[:1]),
        owner_hint=advice.upstream_owner(case, lineage),
        actions=(
            *advice.look_upstream(case, column, lineage),
            advice.count_buckets(case, column),
            f"Map '{after}' back to '{before}' upstream, or accept both values in the rules that read {column}.",
        ),
        confirm=f"The same keys had '{before}' on {case.before} and have '{after}' on {case.last}.",
        refute=f"The keys in '{after}' are not those that were in '{before}'.",
    )
