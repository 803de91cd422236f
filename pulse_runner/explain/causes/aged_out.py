"""aged_out: more members than usual passed a relative date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import Family
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import MOST, View, ids, said
from pulse_runner.vocabulary import percent

MIN_PART = 0.3  # of the movement, from which on ageing is worth naming


@dataclass(frozen=True)
class AgedOut:
    """Name ageing beyond the usual; a source that was not refreshed explains it better."""

    names: tuple[str, ...] = ("aged_out",)
    kinds: tuple[str, ...] = ("cause", "column_steady", "stale")
    faults: tuple[str, ...] = ()
    families: tuple[Family, ...] = ("members",)
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield it where ageing makes a good part of the movement."""
        case, aged = view.case, view.moved_by("aged")
        part = view.part(aged)
        if not aged or part < MIN_PART or view.of("stale"):
            return
        columns = sorted({c for e in aged for c in view.columns_of(e)})
        fresh = [e for e in view.of("column_steady") if e.values["column_name"] in columns]
        yield Hypothesis(
            cause="aged_out",
            title="Members aged past a relative date without new activity",
            confidence="medium" if part >= MOST else "low",
            reasoning=(
                f"{said(aged)} Ageing makes {percent(part)} of the movement beyond the usual; ageing at the usual rate"
                " is expected, so fewer of them than usual were active again, or a large group became old on the same"
                " day."
            ),
            evidence=ids(aged, fresh),
            owner_hint=case.owner,
            actions=(
                f"Check whether a large group shares one value of {', '.join(columns) or 'the date'}"
                " (an import or a campaign).",
                advice.count_values(case, columns[0]) if columns else advice.rebuild(case),
            ),
            confirm="Many of the leavers have the same day in that column.",
            refute="New activity exists in the source but not in the relation.",
        )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say that members aged; a mere guess is left to the movement."""
        return "" if hypothesis.confidence == "low" else in_sentence(hypothesis.title)
