"""campaign: most of the growth is new rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain.causes.base import Family
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import MOST, View, ids, said
from pulse_runner.vocabulary import percent


@dataclass(frozen=True)
class Campaign:
    """Name a campaign or an import where new rows make most of a growth and keys are unique."""

    names: tuple[str, ...] = ("campaign",)
    kinds: tuple[str, ...] = ("cause", "rows", "duplicate_keys")
    faults: tuple[str, ...] = ()
    families: tuple[Family, ...] = ("members",)
    directions: tuple[str, ...] = ("up",)

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield it for a growth that is made of new rows."""
        new = view.moved_by("row_new")
        if view.case.direction != "up" or not new or view.part(new) < MOST or view.of("duplicate_keys"):
            return
        yield Hypothesis(
            cause="campaign",
            title="Many new rows arrived: a campaign or an import",
            confidence="medium",
            reasoning=f"{said(new)} New rows make {percent(view.part(new))} of the movement beyond the usual.",
            evidence=ids(new, view.of("rows")),
            owner_hint=view.case.owner,
            actions=(f"Ask whether a campaign or an import ran on {view.case.first}.",),
            confirm="The new keys share a source or a campaign.",
            refute="The new keys are copies of existing ones.",
        )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say that many new rows arrived."""
        return in_sentence(hypothesis.title)
