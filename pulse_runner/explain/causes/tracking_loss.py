"""tracking_loss: one bucket has no events while the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids


@dataclass(frozen=True)
class TrackingLoss:
    """Name the bucket whose events stopped: a break in tracking, not in demand."""

    names: tuple[str, ...] = ("tracking_loss",)
    kinds: tuple[str, ...] = ("conversion_bucket", "rate")
    faults: tuple[str, ...] = ("conversion_bucket",)

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the bucket that is the most silent."""
        case = view.case
        at = case.definition.conversion_event_at if case.definition else ""
        for fact in view.of("conversion_bucket")[:1]:
            bucket, attribute = fact.values["bucket"], str(fact.values["attribute"])
            yield Hypothesis(
                cause="tracking_loss",
                title=f"Events are lost for '{bucket}' of {attribute}",
                confidence="high",
                reasoning=(
                    f"{fact.statement} One bucket stopped while the others went on: a break in tracking, not in demand."
                ),
                evidence=ids([fact], view.of("rate")),
                owner_hint=f"the team that sends the events of {attribute} '{bucket}'",
                actions=(
                    f"Check what was released for {attribute} '{bucket}' on or before {case.first},"
                    " and whether its events still arrive.",
                    advice.count_by(case, case.field_of(attribute), at or ""),
                    "When the events are back, load the missing ones and rebuild the dates with `pulse snapshot`.",
                ),
                confirm=f"Raw events of '{bucket}' stop at one time of one day.",
                refute=f"'{bucket}' has its usual events in the raw source.",
            )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which bucket lost its events."""
        return in_sentence(hypothesis.title)
