"""restated_events: what was known of the day before has changed since it was told: events came late, were deleted or loaded again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import Family
from pulse_runner.explain.evidence.restated import LEAST
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids, number
from pulse_runner.vocabulary import percent

EXPLAINS = 0.5  # of the change against what was told, that the restatement has to make to be sure


@dataclass(frozen=True)
class RestatedEvents:
    """Name a restatement of the day before, with how much of the change it makes."""

    names: tuple[str, ...] = ("restated_events",)
    kinds: tuple[str, ...] = ("restated", "change")
    faults: tuple[str, ...] = ("restated",)
    families: tuple[Family, ...] = ("members",)
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield it once; of the change against the size that was told, a part is the restatement."""
        case = view.case
        for fact in view.of("restated")[:1]:
            told, again, size = (number(fact, n) for n in ("told_size", "previous_size", "size"))
            if abs(again - told) < max(case.k, LEAST * max(again, told)):
                continue
            whole = size - told
            part = min(max((again - told) / whole, 0.0), 1.0) if whole else 1.0
            yield Hypothesis(
                cause="restated_events",
                title=f"Events before {fact.values['snapshot_date']} were restated",
                confidence="high" if part >= EXPLAINS else "medium",
                reasoning=(
                    f"{fact.statement} The restatement makes {percent(part)} of the change against what was told;"
                    " the rest is movement of the day."
                ),
                evidence=ids([fact], view.of("change")),
                owner_hint="the team that loads the events",
                actions=(
                    f"Ask what was loaded, deleted or deduplicated in the events that {case.subject} counts, up"
                    f" to {fact.values['previous_date']}.",
                    advice.rebuild_from(case, str(fact.values["previous_date"])),
                ),
                confirm=f"A rebuild of {fact.values['previous_date']} gives the new size.",
                refute="The events of the days before are as they were when they were counted.",
            )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say that earlier events were restated."""
        return in_sentence(hypothesis.title)
