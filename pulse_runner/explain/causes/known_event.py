"""known_event: the date is one that somebody had announced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain.causes.base import EVERYTHING, Family
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids


@dataclass(frozen=True)
class KnownEvent:
    """Name a known event that covers the change."""

    names: tuple[str, ...] = ("known_event",)
    kinds: tuple[str, ...] = ("known_event", "change")
    faults: tuple[str, ...] = ()
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the first known event of the window."""
        for fact in view.of("known_event")[:1]:
            yield Hypothesis(
                cause="known_event",
                title=f"A known event: {fact.values['reason']}",
                confidence="medium",
                reasoning=f"{fact.statement} This coincides with the change.",
                evidence=ids([fact], view.of("change")),
                owner_hint=view.case.owner,
                actions=("Wait for the end of the event before acting on the size.",),
                confirm="The metric returns after the event.",
                refute="The metric stays where it is after the event.",
            )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which event it is."""
        return in_sentence(hypothesis.title)
