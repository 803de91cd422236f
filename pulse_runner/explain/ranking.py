"""Rank possible causes of an incident from its evidence, by rules alone.

Confidence has one meaning everywhere:
high    the mechanism is evidenced: the snapshot names the cause, or a fault was measured in a
        column and at least half of the members that moved did so by a rule on that column (for a
        rate: the fault is in the column that the rate is counted from);
medium  a fault was measured on the same date but what it did to the members was not, or members
        moved by one cause without a measured fault behind it;
low     the pattern fits, nothing more.
"Coincides with" is said wherever the mechanism is not evidenced.
"""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.explain.case import Case
from pulse_runner.explain.causes import CAUSES
from pulse_runner.explain.causes.base import Cause, can_speak
from pulse_runner.explain.causes.unknown import Unknown
from pulse_runner.explain.explanation import CONFIDENCES, Evidence, Explanation, Hypothesis
from pulse_runner.explain.headline import headline, summary
from pulse_runner.explain.view import View

MAX_HYPOTHESES = 4
MAX_RECOMMENDATIONS = 6
Raised = tuple[Cause, Hypothesis]


def explain(case: Case, evidence: Sequence[Evidence]) -> Explanation:
    """Return the rule-based explanation: headline, hypotheses in order of belief, what to do."""
    view = View(case, evidence)
    ranked = rank(view)
    cause, first = ranked[0]
    hypotheses = tuple(h for _, h in ranked)
    actions = dict.fromkeys(a for h in hypotheses for a in h.actions)
    return Explanation(
        headline=headline(view, cause.in_headline(view, first), first),
        summary=summary(view, hypotheses, conclusive=not isinstance(cause, Unknown)),
        hypotheses=hypotheses,
        recommendations=tuple(actions)[:MAX_RECOMMENDATIONS],
    )


def rank(view: View) -> list[Raised]:
    """Return the hypotheses with the causes that raised them, the firmest first.

    At least one: where no cause has anything to say, it is that the evidence is inconclusive.
    """
    raised: list[Raised] = [(cause, h) for cause in CAUSES if can_speak(cause, view.case) for h in cause.explain(view)]
    raised.sort(key=lambda r: CONFIDENCES.index(r[1].confidence))  # stable: CAUSES break ties
    if not raised:
        unknown = Unknown()
        return [(unknown, h) for h in unknown.explain(view)]
    return _distinct(raised)[:MAX_HYPOTHESES]


def _distinct(raised: Sequence[Raised]) -> list[Raised]:
    """Drop hypotheses that repeat an earlier title, and vague ones beside an evidenced one."""
    out = list[Raised]()
    for cause, h in raised:
        if any(h.title == kept.title for _, kept in out):
            continue
        if h.confidence == "low" and any(kept.confidence == "high" for _, kept in out):
            continue
        out.append((cause, h))
    return out
