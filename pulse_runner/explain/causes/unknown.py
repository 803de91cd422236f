"""unknown: nothing of the others; being inconclusive is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain.case import CONVERTED
from pulse_runner.explain.causes.base import EVERYTHING, Family, cited
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids, said


@dataclass(frozen=True)
class Unknown:
    """Say that the evidence points at no cause; asked only when no other cause speaks."""

    names: tuple[str, ...] = ("unknown",)
    kinds: tuple[str, ...] = ("conversion_bucket", "status")
    faults: tuple[str, ...] = ()
    families: tuple[Family, ...] = (*EVERYTHING, "ladder")
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis that repeats the weightiest facts."""
        case, known = view.case, view.evidence[:3]
        blind = ""
        if case.measure.numerator == CONVERTED and not view.of("conversion_bucket"):
            blind = (
                " Converted members are kept per segment and date, not per bucket,"
                " so the tables cannot tell which bucket it is."
            )
        look = f"Look at {case.entity} in entity_health."
        if case.segment_id:
            look = f"Look at {case.subject} by hand: `pulse snapshots show {case.segment_id}`."
        yield Hypothesis(
            cause="unknown",
            title="Inconclusive: the evidence does not point at a cause",
            confidence="low",
            reasoning=(
                f"{said(known)} No fault was measured upstream, and no single cause makes most of the movement.{blind}"
            ),
            evidence=ids(known),
            owner_hint=case.owner,
            actions=(
                look,
                f"If the new level is right: `pulse incidents resolve {case.incident_id} --as-new-normal`.",
            ),
        )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say so where there is no usable snapshot; else the movement is what is known."""
        return in_sentence(hypothesis.title) if cited(view, hypothesis, "status") else ""
