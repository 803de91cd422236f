"""consent_loss: reach fell in one channel and its columns are well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids, number, said

FELL = 0.9  # another channel fell too when this or less of its rate is left


@dataclass(frozen=True)
class ConsentLoss:
    """Name a loss of consent in one channel; a fault in a column explains it better."""

    names: tuple[str, ...] = ("consent_loss",)
    kinds: tuple[str, ...] = ("reach", "column_steady", "nulls", "column_missing", "column_retyped")
    faults: tuple[str, ...] = ()

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield it for an incident of reach without a measured fault."""
        case = view.case
        if not case.channel or view.of("nulls", "column_missing", "column_retyped"):
            return
        channel = case.channel
        own = [e for e in view.of("reach") if e.values["channel"] == channel]
        rest = [e for e in view.of("reach") if e.values["channel"] != channel]
        fell = [e for e in rest if number(e, "reach_rate") < FELL * number(e, "before_rate")]
        if not own:
            return
        others = "Other channels fell too." if fell else "No other channel fell with it."
        yield Hypothesis(
            cause="consent_loss",
            title=f"Consent or addresses for {channel} were lost",
            confidence="low" if fell else "medium",
            reasoning=f"{said(own)} {said(rest)} {others}",
            evidence=ids(own, rest, view.of("column_steady")),
            owner_hint=f"the team that keeps the consent for {channel}",
            actions=(
                f"Check unsubscribes, expired tokens and consent imports for {channel} on {case.first}.",
                *(advice.count_values(case, c) for c in case.columns[:1]),
            ),
            confirm=f"The consent source shows the withdrawals on {case.first}.",
            refute="The consent source still has them as opted in.",
        )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which channel lost consent, where no other fell with it."""
        return "" if hypothesis.confidence == "low" else in_sentence(hypothesis.title)
