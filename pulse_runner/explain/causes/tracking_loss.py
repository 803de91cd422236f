"""tracking_loss: one bucket has no events while the others go on, and its people are still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import Family
from pulse_runner.explain.explanation import Confidence, Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids, number, said

SILENT = 0.1  # of the usual events, at most, for events that are lost and not just fewer
RENAMED = (
    "recoded_value",
    "respelt_value",
    "swapped_values",
    "default_value",
)  # a bucket that is called otherwise lost nothing
ALIVE = 0.7  # of the usual activity, at least, for people who are still there


@dataclass(frozen=True)
class TrackingLoss:
    """Name the bucket whose events stopped; where it only has fewer, say that people or tracking may be it, and what tells them apart."""

    names: tuple[str, ...] = ("tracking_loss", "behaviour_or_tracking")
    kinds: tuple[str, ...] = ("conversion_bucket", "activity_bucket", "rate", *RENAMED)
    faults: tuple[str, ...] = ("conversion_bucket",)
    families: tuple[Family, ...] = ("conversion",)
    directions: tuple[str, ...] = ("down",)

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the bucket that is the most silent."""
        renamed = {e.values["column_name"] for e in view.of(*RENAMED)}
        facts = [
            e for e in view.of("conversion_bucket") if view.case.field_of(str(e.values["attribute"])) not in renamed
        ]
        for fact in facts[:1]:
            alive = [e for e in view.of("activity_bucket") if e.values["bucket"] == fact.values["bucket"]]
            silent = number(fact, "events") <= SILENT * number(fact, "usual_events")
            lives = any(number(e, "active") >= ALIVE * number(e, "usual_active") for e in alive)
            gone = bool(alive) and not lives
            yield (
                _lost(view, fact, alive, "high" if lives else "medium")
                if silent and not gone
                else _either(view, fact, alive)
            )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which bucket lost its events."""
        return in_sentence(hypothesis.title)


def _lost(view: View, fact: Evidence, alive: list[Evidence], confidence: Confidence) -> Hypothesis:
    case = view.case
    bucket, attribute = fact.values["bucket"], str(fact.values["attribute"])
    return Hypothesis(
        cause="tracking_loss",
        title=f"Events are lost for '{bucket}' of {attribute}",
        confidence=confidence,
        reasoning=(
            f"{said([fact, *alive])} One bucket stopped while the others went on: a break in tracking, not in demand."
        ),
        evidence=ids([fact], alive, view.of("rate")),
        owner_hint=f"the team that sends the events of {attribute} '{bucket}'",
        actions=(
            f"Check what was released for {attribute} '{bucket}' on or before {case.first},"
            " and whether its events still arrive.",
            _look(view, attribute),
            "When the events are back, load the missing ones and rebuild the dates with `pulse snapshot`.",
        ),
        confirm=f"Raw events of '{bucket}' stop at one time of one day.",
        refute=f"'{bucket}' has its usual events in the raw source.",
    )


def _either(view: View, fact: Evidence, alive: list[Evidence]) -> Hypothesis:
    case = view.case
    bucket, attribute = fact.values["bucket"], str(fact.values["attribute"])
    return Hypothesis(
        cause="behaviour_or_tracking",
        title=f"'{bucket}' of {attribute} has fewer events: behaviour or tracking",
        confidence="low",
        reasoning=(
            f"{said([fact, *alive])} It did not fall silent, or its people are not seen elsewhere either, so both readings are open."
        ),
        evidence=ids([fact], alive, view.of("rate")),
        owner_hint=case.owner,
        actions=(
            f"Compare orders of '{bucket}' in the payment or shop system with the events of {case.last}: if they"
            " agree, people bought less.",
            _look(view, attribute),
        ),
        confirm=f"Tracking: the shop has orders of '{bucket}' that no event stands for, or sessions go on as usual.",
        refute="Behaviour: orders, sessions and events fall together, over hours and not at one moment.",
    )


def _look(view: View, attribute: str) -> str:
    case = view.case
    return advice.count_by(
        case, case.field_of(attribute), (case.definition.conversion_event_at if case.definition else "") or ""
    )
