"""The numbers that evidence states, each with what it is a number of: whose, of what, when, which way.

A claim of a model is held against these. A number of its own says little: 592 members and 562 leavers are both in
the evidence, and "592 of 562 left" is false.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Literal

from pulse_runner.explain.agent.reading import numbers_in, split_days, without_quoted, words_of
from pulse_runner.explain.case import Case
from pulse_runner.explain.explanation import Evidence, Explanation
from pulse_runner.snapshot.ladder import is_own_reason

When = Literal["", "now", "before", "usual", "expected"]
Role = Literal["", "level", "change"]
Way = Literal["", "lost", "gained", "level"]

_TIMES: tuple[tuple[str, When], ...] = (
    ("week_before_", "before"), ("before_", "before"), ("previous_", "before"), ("usual_", "usual"),
    ("expected", "expected"), ("lower_bound", "expected"), ("upper_bound", "expected"),
)  # fmt: skip
# what a column of a fact counts, by its name without the word of time
_COUNTS = {
    "size": "people", "members": "people", "of_members": "people", "net": "people", "change": "people",
    "entered": "people", "exited": "people", "gained": "people", "lost": "people", "converted": "people",
    "eligible": "people", "inactive": "people", "reachable": "people", "events": "people", "rest_events": "people",
    "null_share": "nulls", "nulls": "nulls", "rows": "rows", "duplicate_keys": "duplicates", "null_keys": "nulls",
    "distinct_count": "values", "mean_value": "mean", "conversion_rate": "conversion", "inactive_rate": "inactive",
    "reach_rate": "reach", "incidents": "incidents", "segments": "segments", "readers": "segments",
    "readers_moved": "segments", "others": "segments", "others_moved": "segments", "failed_runs": "runs", "days": "days",
    "version": "version",
}  # fmt: skip
_CHANGES = ("change", "change_rate", "effect", "net")
_RATES = re.compile(r"share|rate|effect|part|purity|percent")
_OF = re.compile(
    r"^\s*(?:(?!instead\b|because\b)[a-z]+\s+)?(?:out\s+)?of\s+(?:the\s+|all\s+|its\s+|those\s+|more than\s+)?$"
)
_DAY_FIELD = re.compile(r"\d{4}-\d{2}-\d{2}")
RUN = 5
# text values that are ours, or a rule: conditions and columns may be named
_NAMES = (
    "rule_text",
    "before_rule_text",
    "detail",
    "columns",
    "condition",
    "path",
    "node",
    "feeds",
    "status_reason",
    "not_known",
)
# kinds that speak of a relation or a column, not of the members of the segment
_ABOUT_RELATION = ("nulls", "mean", "distinct", "column_", "rows", "duplicate_keys", "null_keys", "stale", "lineage")


@dataclass(frozen=True)
class Fact:
    """One number of one piece of evidence; '' where it is not known what it is."""

    evidence: str
    value: float
    is_share: bool = False  # `value` is a share: it may be written in percent
    is_percent: bool = False  # `value` is in percent already
    counts: str = ""
    when: When = ""
    role: Role = ""
    way: Way = ""
    sign: int = 0  # of a change: -1 down, 1 up; of a level: how it stands to the one before
    day: date | None = None
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Known:
    """All that a text about a case may state: the numbers, the pairs of part and whole, the days and the names, by evidence.

    The evidence of '' is the case itself: its rule, its names, its days. It needs no citation.
    """

    facts: tuple[Fact, ...]
    pairs: frozenset[tuple[str, float, float]]
    days: dict[str, frozenset[date]]
    names: dict[str, frozenset[str]]
    texts: tuple[str, ...]
    columns: frozenset[str] = frozenset()
    sentences: frozenset[tuple[str, ...]] = (
        frozenset()
    )  # runs of words of free text in the data: a label, a comment, a bucket

    @cached_property
    def every_name(self) -> frozenset[str]:
        """Return all names that are known."""
        return frozenset(n for names in self.names.values() for n in names)

    @cached_property
    def subjects(self) -> frozenset[str]:
        """Return what numbers are told of: columns, segments, channels, the entity."""
        return frozenset(s for f in self.facts for s in f.subjects)


def known_of(case: Case, evidence: Sequence[Evidence], rules: Explanation | None = None) -> Known:
    """Return what is known about a case from its definitions, all evidence, and what the rules reckoned from it."""
    own = [case.rule_text, case.subject, case.entity, case.metric, case.attribute]
    facts = [f for e in evidence for f in _facts(case, e)]
    rest, _ = split_days(case.rule_text)
    # a number of the rule is nobody's count: it fits no claim about people, nulls or a change
    facts += [
        Fact("", n.value, is_percent=n.is_percent, counts="rule", when="now", role="level", way="level")
        for n in numbers_in(rest)
    ]
    reckoned = _reckoned(rules) if rules else []
    facts += [r for r in reckoned if not any(_same_number(f, r) for f in facts)]
    fields = case.definition.fields if case.definition else {}
    days = {"": frozenset(d for d in (case.first, case.last, case.before) if d)}
    names = {"": words_of(" ".join(t for t in own if t))}
    for e in evidence:
        text = _text_of(e)
        days[e.id] = frozenset(date(y, m, d) for (m, d, y), _ in split_days(text)[1] if y)
        names[e.id] = words_of(text)
    return Known(
        facts=tuple(facts),
        pairs=frozenset(p for e in evidence for p in _pairs(e)),
        days=days,
        names=names,
        texts=(case.rule_text, *(_own_words(e) for e in evidence)),
        sentences=frozenset(run for e in evidence for v in _free(e) for run in runs(v))
        | runs_after_comment(case.rule_text),
        columns=frozenset(f.lower() for f in fields),
    )


def is_part_of(between: str) -> bool:
    """Say whether the words between two numbers make the first a part of the second.

    >>> is_part_of(" of the "), is_part_of(" members out of "), is_part_of(" and ")
    (True, True, False)
    """
    return bool(_OF.match(between))


def _reckoned(rules: Explanation) -> list[Fact]:
    """Return the percentages that the rules reckoned: of a change in the headline, else parts of a movement. They are nobody's count."""
    out = list[Fact]()
    for text in (rules.headline, *(h.reasoning for h in rules.hypotheses)):
        rest, _ = split_days(text)
        for n in numbers_in(rest):
            change = re.match(r"\s*(fewer|lower|more|higher)\b", rest[n.end :]) if n.is_percent else None
            if change:
                sign = -1 if change[1] in ("fewer", "lower") else 1
                out.append(Fact("", n.value, is_percent=True, role="change", sign=sign))
            elif n.is_percent:
                out.append(Fact("", n.value, is_percent=True, counts="part", when="now", role="level", way="level"))
    return out


def runs(text: str) -> frozenset[tuple[str, ...]]:
    """Return all runs of RUN words of a text, in small letters.

    >>> runs("one two three"), len(runs("one two three four five six"))
    (frozenset(), 2)
    """
    words = re.findall(r"\w+", text.lower())
    return frozenset(tuple(words[n : n + RUN]) for n in range(len(words) - RUN + 1))


def runs_after_comment(rule: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of words of the comments in a rule's SQL."""
    return frozenset(run for comment in re.findall(r"--[^\n]*|/\*.*?\*/", rule, re.DOTALL) for run in runs(comment))


def _same_number(fact: Fact, reckoned: Fact) -> bool:
    """Say whether a number that the rules reckoned is one that evidence states: a percentage is no count."""
    if reckoned.is_percent != (fact.is_share or fact.is_percent):
        return False
    return abs(fact.value * (100 if fact.is_share else 1) - reckoned.value) <= 0.5


def _free(e: Evidence) -> list[str]:
    """Return the values of a fact that are sentences of whoever wrote the data: they name nobody, and may not be repeated."""
    return [
        v
        for n, v in e.values.items()
        if isinstance(v, str) and len(re.findall(r"\w+", v)) >= RUN and n not in _NAMES and not is_own_reason(v)
    ]


def _own_words(e: Evidence) -> str:
    """Return the statement of a fact without the sentences of others in it."""
    text = e.statement
    for sentence in _free(e):
        for length in (len(sentence), 59, 50):  # a statement may hold less of it
            text = text.replace(sentence[:length], " ").replace(sentence[:length].replace("'", "’"), " ")
    return text


def _text_of(e: Evidence) -> str:
    free = _free(e)
    return " \n ".join(
        [_own_words(e), *e.values, *(v for v in e.values.values() if isinstance(v, str) and v not in free)]
    )


def _facts(case: Case, e: Evidence) -> list[Fact]:
    """Return the numbers of one piece of evidence: its values, then what only its statement has."""
    about = _subjects(case, e)
    out = list[Fact]()
    for name, value in e.values.items():
        number = _number(value)
        if number is not None:
            out.append(_fact(case, e, name, number, about))
    rest, _ = split_days(without_quoted(_own_words(e), (e.statement,)))  # the numbers of a condition are nobody's count
    for n in numbers_in(rest):
        if not any(n.is_close(f.value * (100 if n.is_percent and f.is_share else 1)) for f in out):
            out.append(Fact(e.id, n.value, is_percent=n.is_percent, subjects=about))
    return out


def _number(value: object) -> float | None:
    """Return the number of a value; that of a bound (`>570`, `<5`) is its end."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    bound = re.fullmatch(r"[<>](\d+(?:\.\d+)?)", str(value))
    return float(bound[1]) if bound else None


def _fact(case: Case, e: Evidence, name: str, value: float, about: frozenset[str]) -> Fact:
    when, base = next(((w, name.removeprefix(p)) for p, w in _TIMES if name.startswith(p)), ("now", name))
    day = date.fromisoformat(name[-10:]) if _DAY_FIELD.fullmatch(name[-10:]) else None
    base = base[:-11] if day else base
    counts = _COUNTS.get(base, "")
    if e.kind == "dates_shifted" and base == "days":
        counts, value = "", abs(value)  # how far dates lie apart counts nothing; a text says earlier or later
    if name in ("observed", "expected", "lower_bound", "upper_bound", "change_rate", "effect"):
        counts = _COUNTS.get(case.measure.column, "")
    change = name in _CHANGES
    known = bool(counts) or change
    return Fact(
        evidence=e.id,
        value=value,
        is_share=bool(_RATES.search(name))
        or (name in ("observed", "expected", "lower_bound", "upper_bound") and case.measure.is_rate),
        counts=counts,
        when="" if change or day or not known else when,
        role="change" if change else "level" if known else "",
        way=_way(e, base, counts),
        sign=_sign(value) if change else _against_before(e, base) if when == "now" else 0,
        day=day,
        subjects=about,
    )


def _way(e: Evidence, base: str, counts: str) -> Way:
    """Return whether a number of people came, left, or simply are."""
    if counts != "people":
        return ""
    if base in ("lost", "exited"):
        return "lost"
    if base in ("gained", "entered"):
        return "gained"
    if e.kind == "cause":
        return (
            "lost" if e.values.get("direction") == "lost" else "gained" if e.values.get("direction") == "gained" else ""
        )
    if e.kind in ("flow", "conversion_bucket") or base in ("net", "change"):
        return ""
    return "level"


def _against_before(e: Evidence, base: str) -> int:
    """Return which way a number went since the one before it in the same fact, 0 when there is none."""
    now = e.values.get("observed" if base == "observed" else base)
    rate = "before_rate" if base.endswith("_rate") else f"before_{base}"
    before = e.values.get("expected") if base == "observed" else e.values.get(f"before_{base}", e.values.get(rate))
    if isinstance(now, int | float) and isinstance(before, int | float):
        return _sign(now - before)
    return 0


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _subjects(case: Case, e: Evidence) -> frozenset[str]:
    """Return whom the numbers of a fact are told of."""
    whose = ("column_name", "segment_id", "channel", "entity", "to_segment", "from_segment", "attribute", "bucket")
    named = [str(v).lower() for n, v in e.values.items() if n in whose]
    named += [c.strip().lower() for c in str(e.values.get("columns") or "").split(",")]
    if not e.kind.startswith(_ABOUT_RELATION):
        named += [case.subject.lower()] if "segment_id" not in e.values else []
        named += [case.channel, *(case.ladder or ())[:1]]
        if e.kind == "siblings":
            named += words_of(e.statement) & {c.lower() for c in case.columns}
    return frozenset([case.entity.lower(), *named]) - {""}


def _pairs(e: Evidence) -> Iterable[tuple[str, float, float]]:
    """Yield the parts and wholes of one piece of evidence: of its values, and as its statement has them."""
    for name, value in e.values.items():
        whole = _number(e.values.get(f"of_{name}"))
        part = _number(value)
        if part is not None and whole is not None:
            yield e.id, part, whole
    rest, _ = split_days(_own_words(e))
    found = numbers_in(rest)
    for part_number, whole_number in pairwise(found):
        if is_part_of(rest[part_number.end : whole_number.start]) and not part_number.is_percent:
            yield e.id, part_number.value, whole_number.value
