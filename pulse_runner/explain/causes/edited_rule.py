"""edited_rule: the definition changed in the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain.causes.base import OF_SEGMENTS, Family
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import MOST, View, ids, said
from pulse_runner.vocabulary import percent


@dataclass(frozen=True)
class EditedRule:
    """Name an edit of the rule, with the members that moved by it."""

    names: tuple[str, ...] = ("rule_edited", "reference_edited")
    kinds: tuple[str, ...] = ("definition", "reference_edited", "cause")
    faults: tuple[str, ...] = ("definition", "reference_edited")
    families: tuple[Family, ...] = OF_SEGMENTS
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield the first edit of the window."""
        case, moved = view.case, view.moved_by("edited")
        part = view.part(moved)
        link = f"The edit makes {percent(part)} of the movement beyond the usual."
        for fact in (view.of("definition") or view.of("reference_edited"))[:1]:
            edit, own = fact.values["valid_from"], fact.kind == "definition"
            title = f"The rule of {case.subject} was edited"
            if not own:
                title = f"The rule of {fact.values['segment_id']}, which {case.subject} refers to, was edited"
            yield Hypothesis(
                cause="rule_edited" if own else "reference_edited",
                title=title,
                confidence="high" if part >= MOST else "medium",
                reasoning=" ".join([fact.statement, said(moved), link if moved else "This coincides with the change."]),
                evidence=ids([fact], moved),
                owner_hint=case.owner or "the segment's owner",
                actions=(
                    f"Ask the owner of {case.subject} whether the edit of {edit} was meant to move this many members.",
                    f"If it was: `pulse incidents resolve {case.incident_id} --as-new-normal`."
                    " If not: restore the rule before it.",
                ),
                confirm="The members who moved differ exactly in the edited condition.",
                refute="The same members move under the old rule.",
            )

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say that the rule was edited."""
        return in_sentence(hypothesis.title)
