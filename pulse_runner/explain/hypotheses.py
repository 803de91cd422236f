"""Rank possible causes of an incident from its evidence, by rules alone.

Confidence has one meaning everywhere:
high    the mechanism is evidenced: the snapshot names the cause, or a fault was measured in a column and at least half of the
        members that moved did so by a rule on that column (for a rate: the fault is in the column that the rate is counted from);
medium  a fault was measured on the same date but what it did to the members was not, or members moved by one cause without a
        measured fault behind it;
low     the pattern fits, nothing more.
"Coincides with" is said wherever the mechanism is not evidenced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pulse_runner.explain import data_faults as data
from pulse_runner.explain import people, words
from pulse_runner.explain.model import CONFIDENCES, Case, Evidence, Explanation, Hypothesis
from pulse_runner.explain.view import View, ids, said

MAX_HYPOTHESES = 4
MAX_RECOMMENDATIONS = 6


def explain(case: Case, evidence: Sequence[Evidence]) -> Explanation:
    """Return the rule-based explanation: what the headline says, the hypotheses in order of belief, and what to do."""
    view = View(case, evidence)
    found = [h for rule in RULES for h in rule(view)]
    found.sort(key=lambda h: CONFIDENCES.index(h.confidence))  # stable: RULES are in order of how telling they are
    hypotheses = tuple(_distinct(found)[:MAX_HYPOTHESES]) or (_inconclusive(view),)
    actions = dict.fromkeys(a for h in hypotheses for a in h.actions)
    return Explanation(
        headline=words.headline(view, hypotheses[0]),
        summary=words.summary(view, hypotheses),
        hypotheses=hypotheses,
        recommendations=tuple(actions)[:MAX_RECOMMENDATIONS],
    )


def _distinct(found: Sequence[Hypothesis]) -> list[Hypothesis]:
    """Drop a hypothesis that says the same as an earlier one, and vague ones beside an evidenced one."""
    out = list[Hypothesis]()
    for h in found:
        if any(h.title == kept.title for kept in out):
            continue
        if h.confidence == "low" and any(kept.confidence == "high" for kept in out):
            continue
        out.append(h)
    return out


def _inconclusive(view: View) -> Hypothesis:
    known = view.evidence[:3]
    blind = ""
    if view.case.metric.startswith("conver") and not view.of("conversion_bucket"):
        blind = " Converted members are kept per segment and date, not per bucket, so the tables cannot tell which bucket it is."
    return Hypothesis(
        "unknown", "Inconclusive: the evidence does not point at a cause", "low",
        f"{said(known)} No fault was measured upstream, and no single cause makes most of the movement.{blind}", ids(known),
        view.case.owner,
        (f"Look at {view.case.subject} by hand: `pulse snapshots show {view.case.segment_id}`." if view.case.segment_id
         else f"Look at {view.case.entity} in entity_health.",
         f"If the new level is right: `pulse incidents resolve {view.case.incident_id} --as-new-normal`."),
        "", "",
    )  # fmt: skip


# in order of how telling they are: ties in confidence are broken by it
RULES: tuple[Callable[[View], Iterator[Hypothesis]], ...] = (
    data.missing, data.edited, data.load, data.null_burst, data.recoded, data.tracking, data.values_changed,
    people.season, people.aged, people.consent, people.drift,
)  # fmt: skip
