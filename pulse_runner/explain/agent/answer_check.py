"""Join a model's answer with what the rules say: what the evidence does not bear out is removed, the reason kept.

The rules' hypotheses stand. A model may word them, add others and order those that rest on no measured fault. Where a
fault was measured, it stays first, under the rules' own headline. The code decides; the model only words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pulse_runner.explain.agent.actions import NotAllowed, sentence_of
from pulse_runner.explain.agent.claims import Finding, check_claims
from pulse_runner.explain.agent.facts import Known, known_of
from pulse_runner.explain.agent.shape import Answer, Disagreement, Proposal, Verdict
from pulse_runner.explain.agent.wording import check_wording
from pulse_runner.explain.case import Case
from pulse_runner.explain.causes import MEASURED_FAULTS
from pulse_runner.explain.explanation import CONFIDENCES, Confidence, Evidence, Explanation, Hypothesis, Rejection

MAX_ADDED = 2
MAX_RECOMMENDATIONS = 8


@dataclass(frozen=True)
class Checked:
    """What is left of an answer: the explanation with the rules' part in it, and the verdict that the evidence allows."""

    explanation: Explanation
    verdict: Verdict


def check_answer(answer: Answer, case: Case, evidence: Sequence[Evidence], rules: Explanation, model: str) -> Checked:
    """Return the explanation of the rules with what the evidence bears out of a model's answer.

    When nothing of it survives, that is the rules' explanation with everything that was rejected.
    """
    known, by_id = known_of(case, evidence, rules), {e.id: e for e in evidence}
    fixed = measured(rules.hypotheses, by_id)
    rejected, kept = list[Rejection](), list[tuple[str, Hypothesis]]()
    for proposal in answer.hypotheses:
        checked, faults = check_proposal(proposal, case, known, by_id, is_fault_known=bool(fixed))
        rejected += faults
        kept += [(proposal.takes_up, checked)] if checked else []
    against, faults = _doubts(answer.disagreements, rules, known, by_id)
    rejected += faults
    verdict = answer.verdict
    if fixed and verdict not in ("data_fault", "definition_change"):
        what = f"{verdict} against a measured fault ({', '.join(fixed[0].evidence[:1])})"
        rejected.append(Rejection("verdict", verdict, what))
        verdict = "definition_change" if fixed[0].cause == "rule_edited" else "data_fault"
    if not kept and not against:
        return Checked(replace(rules, rejected=(*rules.rejected, *rejected)), verdict)
    hypotheses = merged(rules.hypotheses, kept, fixed, against)
    texts = {"headline": rules.headline, "summary": rules.summary}
    if kept and not fixed:
        for part, text in (("headline", answer.headline), ("summary", answer.summary)):
            wrong = check_text(text, known, answer.evidence).wrong
            if wrong:
                rejected.append(Rejection(part, text, wrong))
            elif text:
                texts[part] = text
    steps = dict.fromkeys([a for h in hypotheses for a in h.actions] + list(rules.recommendations))
    return Checked(
        Explanation(
            headline=texts["headline"],
            summary=texts["summary"],
            hypotheses=hypotheses,
            recommendations=tuple(steps)[:MAX_RECOMMENDATIONS],
            source="openai",
            model=model,
            rejected=(*rules.rejected, *rejected),
        ),
        verdict,
    )


def measured(hypotheses: Sequence[Hypothesis], known: Mapping[str, Evidence]) -> tuple[Hypothesis, ...]:
    """Return the first hypotheses of the rules as far as each cites a fault that was measured."""
    out = list[Hypothesis]()
    for h in hypotheses:
        if h.confidence == "low" or not any(known[i].kind in MEASURED_FAULTS for i in h.evidence if i in known):
            break
        out.append(h)
    return tuple(out)


def check_proposal(
    proposal: Proposal, case: Case, known: Known, by_id: Mapping[str, Evidence], *, is_fault_known: bool
) -> tuple[Hypothesis | None, list[Rejection]]:
    """Return what is left of a hypothesis, None when nothing is, and what was thrown out of it."""
    if not proposal.evidence:
        return None, [Rejection("hypothesis", proposal.title, "cites no evidence")]
    missing = [i for i in proposal.evidence if i not in by_id]
    if missing:
        what = f"cites {', '.join(missing)}, which is not in the evidence"
        return None, [Rejection("hypothesis", proposal.title, what)]
    cited = list(proposal.evidence)
    for text in (proposal.title, proposal.reasoning):
        found = check_text(text, known, cited)
        if found.wrong:
            return None, [Rejection("hypothesis", proposal.title, found.wrong)]
        cited += found.needs
    rejected, parts = list[Rejection](), dict[str, str]()
    for part in ("against", "confirm", "refute"):
        text = str(getattr(proposal, part))
        found = check_text(text, known, cited)
        parts[part] = "" if found.wrong else text
        if found.wrong:
            rejected.append(Rejection(part, text, found.wrong))
        cited += found.needs if part == "against" else ()
    actions = list[str]()
    for action in proposal.actions:
        try:
            actions.append(sentence_of(action, case, by_id))
        except NotAllowed as error:
            rejected.append(Rejection("action", action.kind, str(error)))
    highest: Confidence = "low" if is_fault_known else "medium"
    confidence: Confidence = proposal.confidence
    if not proposal.takes_up and CONFIDENCES.index(confidence) < CONFIDENCES.index(highest):
        why = "a measured fault stands against it" if is_fault_known else "the rules measured no fault"
        rejected.append(
            Rejection("confidence", proposal.title, f"{confidence} of a model's own; lowered to {highest}: {why}")
        )
        confidence = highest
    hypothesis = Hypothesis(
        cause="model",
        title=proposal.title,
        confidence=confidence,
        reasoning=proposal.reasoning,
        evidence=tuple(dict.fromkeys(cited)),
        actions=tuple(dict.fromkeys(actions)),
        **parts,
    )
    return hypothesis, rejected


def check_text(text: str, known: Known, cited: Sequence[str]) -> Finding:
    """Hold a text against the evidence: its words, then what they claim."""
    words = check_wording(text, known, cited)
    if words.wrong:
        return words
    claims = check_claims(text, known, [*cited, *words.needs])
    return Finding(claims.wrong, tuple(dict.fromkeys((*words.needs, *claims.needs))))


def merged(
    rules: Sequence[Hypothesis],
    kept: Sequence[tuple[str, Hypothesis]],
    fixed: Sequence[Hypothesis],
    against: Mapping[str, str],
) -> tuple[Hypothesis, ...]:
    """Return the hypotheses in order of belief: the measured first, then by confidence as the model has them in order.

    A hypothesis that takes one of the rules' up words it; where that one is measured, its own words stay and the model's
    follow.
    """
    ids = {f"H{n}": h for n, h in enumerate(rules, start=1)}
    worded, order, added = dict[str, Hypothesis](), list[str](), list[Hypothesis]()
    for takes_up, h in kept:
        own = ids.get(takes_up)
        if own is None:
            added += [h] if len(added) < MAX_ADDED else []
            continue
        if takes_up in worded:
            continue
        worded[takes_up] = _worded(own, h, is_measured=own in fixed)
        order.append(takes_up)
    for name, own in ids.items():
        taken = worded.get(name, own)
        if name in against:
            taken = replace(taken, against=" ".join(t for t in (taken.against, against[name]) if t))
        worded[name] = taken
    first = [worded[n] for n, own in ids.items() if own in fixed]
    rest = [*(n for n in order if ids[n] not in fixed), *(n for n in ids if n not in order and ids[n] not in fixed)]
    others = (
        [worded[n] for n in rest if ids[n].cause != "unknown"]
        + added
        + [worded[n] for n in rest if ids[n].cause == "unknown"]
    )
    others.sort(key=lambda h: CONFIDENCES.index(h.confidence))  # stable: the model's order among equals
    return (*first, *others)


def _worded(own: Hypothesis, said: Hypothesis, *, is_measured: bool) -> Hypothesis:
    """Return a hypothesis of the rules in a model's words: cause, confidence and owner stay as they were found."""
    return replace(
        own,
        title=own.title if is_measured else said.title,
        reasoning=" ".join(t for t in (own.reasoning, said.reasoning) if t)
        if is_measured
        else said.reasoning or own.reasoning,
        evidence=tuple(dict.fromkeys((*own.evidence, *said.evidence))),
        actions=tuple(dict.fromkeys((*own.actions, *said.actions))),
        confirm=own.confirm if is_measured else said.confirm or own.confirm,
        refute=own.refute if is_measured else said.refute or own.refute,
        against=said.against,
    )


def _doubts(
    doubts: Sequence[Disagreement], rules: Explanation, known: Known, by_id: Mapping[str, Evidence]
) -> tuple[dict[str, str], list[Rejection]]:
    """Return what a model has against hypotheses of the rules, by their ids, and what was thrown out of it."""
    out, rejected = dict[str, str](), list[Rejection]()
    for doubt in doubts:
        cited = [i for i in doubt.evidence if i in by_id]
        wrong = "" if cited else "cites no evidence"
        if not doubt.hypothesis.startswith("H") or doubt.hypothesis[1:] not in map(
            str, range(1, len(rules.hypotheses) + 1)
        ):
            wrong = "doubts a hypothesis that is not there"
        found = check_text(doubt.why, known, cited)
        wrong = wrong or found.wrong
        if wrong or not doubt.why:
            rejected += [Rejection("disagreement", doubt.why, wrong)] if wrong else []
            continue
        named = ", ".join(dict.fromkeys((*cited, *found.needs)))
        out[doubt.hypothesis] = f"{doubt.why} ({named})"
    return out, rejected
