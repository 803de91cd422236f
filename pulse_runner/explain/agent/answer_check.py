"""Check a model's answer against the evidence: what is not there is removed, the reason kept.

A number must round to a number of the cited evidence or of the rule, a date must be one of theirs,
a name must occur in them. Direction, addresses, links and overclaimed confidence are checked too.
The code decides; the model only words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pulse_runner.explain.case import Case
from pulse_runner.explain.causes import MEASURED_FAULTS
from pulse_runner.explain.explanation import Evidence, Explanation, Hypothesis, Rejection
from pulse_runner.scrub import has_address

MONTHS = [date(2000, month, 1).strftime("%B") for month in range(1, 13)]
_MONTH = "(?P<month>" + "|".join(f"{m}|{m[:3]}" for m in MONTHS) + r")\.?"
_ISO = re.compile(r"\b(\d{4}-\d{2}-\d{2})(?:T[\d:.]+)?")
_DAY_MONTH = re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+(?P<year>\d{{4}}))?\b")
_MONTH_DAY = re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year>\d{{4}}))?\b")
_EVIDENCE_ID = re.compile(r"\bE\d+\b")
_NUMBER = re.compile(
    r"(?<![\w.])(?P<int>\d{1,3}(?:[,\u00a0\u202f ]\d{3})+|\d+)(?P<dec>\.\d+)?"
    r"\s*(?P<scale>k\b|thousand\b|m\b|million\b)?\s*(?P<percent>%|per ?cent\b)?",
    re.IGNORECASE,
)
_IDENTIFIER_WITH_DIGITS = re.compile(r"\b[A-Za-z_]\w*\d\w*\b|\b\d+[A-Za-z_]\w*_\w*\b")
_SNAKE = re.compile(r"\b[a-zA-Z][a-zA-Z0-9]*(?:_[a-zA-Z0-9]+)+\b")
_TICKED = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMED = re.compile(r"\b(?:column|field|segment|table|model)s?\s+['\"`]?([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)
_VAGUE = re.compile(
    r"\b(half|halved|halving|twice|double[ds]?|doubling|triple[ds]?|tripling|tenfold|dozens?|hundreds|thousands|millions)\b",
    re.IGNORECASE,
)
_SPELT = {
    w: n
    for n, w in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], start=2
    )
}
_SPELT_WORD = re.compile(r"\b(" + "|".join(_SPELT) + r")\b", re.IGNORECASE)
_UP = re.compile(
    r"\b(rose|rises?|rising|grew|grow(?:s|ing)?|increas\w*|more|higher|jumped|surged?|spik\w*)\b", re.IGNORECASE
)
_DOWN = re.compile(
    r"\b(fell|falls?|falling|drop\w*|fewer|lower|declin\w*|lost|decreas\w*|shr[aiu]nk\w*|less)\b", re.IGNORECASE
)
SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}


@dataclass(frozen=True)
class Answer:
    """What a model wrote, of the right shape.

    `evidence` holds the ids of what headline and summary rest on.
    """

    headline: str
    summary: str
    evidence: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]


@dataclass(frozen=True)
class Grounds:
    """Everything that a text may state: what is in the cited evidence and in the rule."""

    numbers: tuple[float, ...]
    percents: tuple[float, ...]
    days: frozenset[date]
    names: frozenset[str]
    columns: frozenset[str]


def check_answer(
    answer: Answer, case: Case, evidence: Sequence[Evidence], fallback: Explanation, model: str
) -> Explanation:
    """Return the parts of an answer that the evidence bears out, rule-based text for the rest.

    When no hypothesis survives, the whole fallback is returned with everything that was rejected.
    """
    known = {e.id: e for e in evidence}
    rejected, kept = list[Rejection](), list[Hypothesis]()
    for hypothesis in answer.hypotheses:
        checked, faults = check_hypothesis(hypothesis, case, known)
        rejected += faults
        kept += [checked] if checked else []
    if not kept:
        return replace(fallback, rejected=(*fallback.rejected, *rejected))
    cited = [known[i] for i in dict.fromkeys((*answer.evidence, *(i for h in kept for i in h.evidence))) if i in known]
    allowed = grounds(case, cited)
    texts = {"headline": answer.headline, "summary": answer.summary}
    for part in texts:
        wrong = wrong_text(texts[part], allowed) or (wrong_direction(texts[part], case) if part == "headline" else "")
        if wrong:
            rejected.append(Rejection(part, texts[part], wrong))
            texts[part] = fallback.headline if part == "headline" else fallback.summary
    actions = [*(a for h in kept for a in h.actions), *fallback.recommendations]
    return Explanation(
        headline=texts["headline"],
        summary=texts["summary"],
        hypotheses=tuple(kept),
        recommendations=tuple(dict.fromkeys(actions))[:8],
        source="openai",
        model=model,
        rejected=(*fallback.rejected, *rejected),
    )


def check_hypothesis(
    hypothesis: Hypothesis, case: Case, known: Mapping[str, Evidence]
) -> tuple[Hypothesis | None, list[Rejection]]:
    """Return what is left of a hypothesis, None when nothing is, and what was thrown out of it."""
    reason = wrong_hypothesis(hypothesis, case, known)
    if reason:
        return None, [Rejection("hypothesis", hypothesis.title, reason)]
    facts, rejected, actions = [known[i] for i in hypothesis.evidence], list[Rejection](), list[str]()
    for action in hypothesis.actions:
        wrong = wrong_text(action, grounds(case, facts))
        if wrong:
            rejected.append(Rejection("action", action, wrong))
        else:
            actions.append(action)
    hypothesis = replace(hypothesis, actions=tuple(actions))
    if hypothesis.confidence == "high" and not any(e.kind in MEASURED_FAULTS for e in facts):
        reason = "high without a measured fault; lowered to medium"
        rejected.append(Rejection("confidence", hypothesis.title, reason))
        hypothesis = replace(hypothesis, confidence="medium")
    return hypothesis, rejected


def wrong_hypothesis(hypothesis: Hypothesis, case: Case, known: Mapping[str, Evidence]) -> str:
    """Return why a hypothesis cannot be kept, '' when it can."""
    if not hypothesis.evidence:
        return "cites no evidence"
    missing = [i for i in hypothesis.evidence if i not in known]
    if missing:
        return f"cites {', '.join(missing)}, which is not in the evidence"
    allowed = grounds(case, [known[i] for i in hypothesis.evidence])
    for text in (hypothesis.title, hypothesis.reasoning, hypothesis.owner_hint, hypothesis.confirm, hypothesis.refute):
        uncited = [i for i in _EVIDENCE_ID.findall(text) if i not in hypothesis.evidence]
        if uncited:
            return f"speaks of {', '.join(uncited)} without citing it"
        wrong = wrong_text(text, allowed)
        if wrong:
            return wrong
    return ""


def wrong_text(text: str, allowed: Grounds) -> str:
    """Return the first thing in a text that its grounds do not bear out, '' when there is none."""
    if has_address(text):
        return "holds an address or a link"
    rest, days = split_days(text)
    for day, written in days:
        if not any((day[0], day[1]) == (d.month, d.day) and day[2] in (0, d.year) for d in allowed.days):
            return f"the date {written} is not in the cited evidence"
    unknown = unknown_names(text, allowed)
    if unknown:
        return f"the name {unknown} is not in the cited evidence"
    vague = _VAGUE.search(rest)
    if vague:
        return f"'{vague.group()}' cannot be checked against the evidence"
    for value, tolerance, is_percent, written in numbers_in(rest):
        pool = allowed.percents if is_percent else allowed.numbers
        if not any(abs(value - abs(v)) <= tolerance + 1e-9 for v in pool):
            return f"the number {written} is not in the cited evidence"
    return ""


def wrong_direction(text: str, case: Case) -> str:
    """Return why a headline contradicts the incident's direction, '' when it does not."""
    against, along = {"down": (_UP, _DOWN), "up": (_DOWN, _UP)}.get(case.direction, (None, None))
    if against and along and against.search(text) and not along.search(text):
        return f"says the opposite of the incident's direction ({case.direction})"
    return ""


def grounds(case: Case, cited: Iterable[Evidence]) -> Grounds:
    """Return what texts that cite this evidence may state."""
    texts, numbers, percents = (
        [case.rule_text, case.subject, case.entity, case.metric, case.attribute, case.owner],
        [],
        [],
    )
    for item in cited:
        texts += [item.statement, *item.values, *(str(v) for v in item.values.values() if isinstance(v, str))]
        for value in item.values.values():
            if isinstance(value, int | float) and not isinstance(value, bool):
                numbers.append(float(value))
                percents.append(float(value) * 100)
    whole = " \n ".join(t for t in texts if t)
    rest, days = split_days(whole)
    for value, _, is_percent, _ in numbers_in(rest):
        (percents if is_percent else numbers).append(value)
    stated = {date(y, m, d) for (m, d, y), _ in days if y} | {case.first, case.last}
    fields = case.definition.fields if case.definition else {}
    return Grounds(
        numbers=tuple(numbers),
        percents=tuple(percents),
        days=frozenset(stated | ({case.before} if case.before else set())),
        names=frozenset(w.lower() for w in _WORD.findall(whole)),
        columns=frozenset(f.lower() for f in fields),
    )


def split_days(text: str) -> tuple[str, list[tuple[tuple[int, int, int], str]]]:
    """Return a text without its dates, and these as (month, day, year or 0) with how they stood.

    >>> split_days("since 14 May, and 2026-05-15")[1]
    [((5, 15, 2026), '2026-05-15'), ((5, 14, 0), '14 May')]
    """
    found = list[tuple[tuple[int, int, int], str]]()

    def take(match: re.Match[str]) -> str:
        if match.re is _ISO:
            year, month, day = (int(p) for p in match.group(1).split("-"))
        else:
            month = next(n for n, m in enumerate(MONTHS, start=1) if match["month"][:3] == m[:3])
            day, year = int(match["day"]), int(match["year"] or 0)
        found.append(((month, day, year), match.group().strip()))
        return " "

    for pattern in (_ISO, _DAY_MONTH, _MONTH_DAY):
        text = pattern.sub(take, text)
    return text, found


def numbers_in(text: str) -> list[tuple[float, float, bool, str]]:
    """Return the numbers of a text: value, tolerance, whether a percentage, how it was written.

    >>> numbers_in("about 42 % of 1,234 left by spend_90d (E3)")
    [(42.0, 0.5, True, '42 %'), (1234.0, 0.5, False, '1,234')]
    """
    clean = _IDENTIFIER_WITH_DIGITS.sub(" ", _EVIDENCE_ID.sub(" ", text))
    out = list[tuple[float, float, bool, str]]()
    for match in _NUMBER.finditer(clean):
        scale = SCALES.get((match["scale"] or "").lower(), 1.0)
        digits = re.sub(r"\D", "", match["int"]) + (match["dec"] or "")
        decimals = len(match["dec"] or ".") - 1
        tolerance = 0.5 * 10.0**-decimals * scale
        out.append((float(digits) * scale, tolerance, bool(match["percent"]), match.group().strip()))
    out += [(float(_SPELT[w.lower()]), 0.0, False, w) for w in _SPELT_WORD.findall(clean)]
    return out


def unknown_names(text: str, allowed: Grounds) -> str:
    """Return the first identifier of a text that its grounds do not know, '' when there is none."""
    tokens = [w for ticked in _TICKED.findall(text) for w in _WORD.findall(ticked)] + _SNAKE.findall(text)
    for token in tokens:
        if str(token).lower() not in allowed.names:
            return str(token)
    for token in _NAMED.findall(text):
        if token.lower() in allowed.columns and token.lower() not in allowed.names:
            return str(token)
    return ""
