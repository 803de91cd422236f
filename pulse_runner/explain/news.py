"""Whether a later day says something new about an incident: another cause, another place, more belief. Counts alone do not. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.explain.causes import MEASURED_FAULTS
from pulse_runner.explain.explanation import CONFIDENCES, Evidence, Explanation, Hypothesis

PLACES = ("node", "column_name", "attribute", "bucket", "path")  # values of a fact that say where it lies
Said = tuple[tuple[str, str, frozenset[tuple[str, ...]]], ...]


def said(explanation: Explanation, evidence: Sequence[Evidence]) -> Said:
    """Return what an explanation says, without its numbers: its first cause and all that are sure, each with the places of its faults."""
    facts = {e.id: e for e in evidence}
    told = [h for n, h in enumerate(explanation.hypotheses) if n == 0 or h.confidence == "high"]
    return tuple((h.cause, h.confidence, _places(h, facts)) for h in told)


def is_news(before: Explanation, known: Sequence[Evidence], after: Explanation, evidence: Sequence[Evidence]) -> bool:
    """Say whether an explanation of a later day is to be told: it says something else, and is believed at least as firmly.

    A cause that was measured on its day is not taken back because the days after it blur it.
    """
    if not after.hypotheses or not before.hypotheses:
        return bool(after.hypotheses)
    firmness = [CONFIDENCES.index(e.hypotheses[0].confidence) for e in (before, after)]
    return firmness[1] <= firmness[0] and said(before, known) != said(after, evidence)


def _places(hypothesis: Hypothesis, facts: dict[str, Evidence]) -> frozenset[tuple[str, ...]]:
    cited = [facts[i] for i in hypothesis.evidence if i in facts and facts[i].kind in MEASURED_FAULTS]
    return frozenset((e.kind, *(str(e.values.get(name) or "") for name in PLACES)) for e in cited)
