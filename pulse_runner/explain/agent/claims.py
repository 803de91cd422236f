"""Hold what a text claims against the evidence: each number as (whose, of what, value, which way), not as a loose number.

What the words around a number say it is must be what the evidence says it is: a part of a whole, the value before or now,
a change up or down, those who left or who came, a number of nulls or of members. A claim that the evidence bears out
without being cited gets the citation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from pulse_runner.explain.agent.facts import Fact, Known, When, is_part_of
from pulse_runner.explain.agent.reading import (
    Day,
    Number,
    clauses,
    numbers_in,
    split_days,
    without_names,
    without_quoted,
    words_of,
)

_DOWN_WORDS = (
    r"fell|falls?|falling|dropped|drops?|declined?|declines|shrank|shrinks?|decreased?|decreases|sank|slid|plunged"
    r"|went down|came down|down"
)
_UP_WORDS = (
    r"rose|rises?|rising|grew|grows?|growing|increased?|increases|jumped|jumps?|surged?|spiked?|climbed|went up|up"
)
_PEOPLE = r"members|people|customers|users|subscribers|accounts|persons|keys"
_ABOUT = (
    r"(?:(?:about|around|some|all|only|just)\s+)*$"  # what may stand between a word and the number that it is about
)
_NEAR = r"^[\s\w%]{0,20}?\b"


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_DOWN_VERB, _UP_VERB = _re(rf"\b(?:{_DOWN_WORDS})\b"), _re(rf"\b(?:{_UP_WORDS})\b")
_TIED = r"\s+(?:(?:by|to|from|about|around|only|just|further|sharply|suddenly|still|over|some)\s+)*$"
_TIED_DOWN = _re(rf"\b(?:{_DOWN_WORDS})\b(?:\s+[\w%]+){{0,2}}{_TIED}")
_TIED_UP = _re(rf"\b(?:{_UP_WORDS})\b(?:\s+[\w%]+){{0,2}}{_TIED}")
_FEWER = _re(r"^\s*(?:members\s+|people\s+)?(?:fewer|lower|less|smaller|down|drop|decline|fall|decrease|loss)\b")
_MORE = _re(r"^\s*(?:members\s+|people\s+)?(?:more(?!\s+than)|higher|larger|bigger|up|increase|rise|jump|growth)\b")
_CHANGED_DOWN = _re(rf"\b(?:{_DOWN_WORDS})(?:\s+(?:by|about|around|some))*\s+$")
_CHANGED_UP = _re(rf"\b(?:{_UP_WORDS})(?:\s+(?:by|about|around|some))*\s+$")
_TO = _re(rf"\b(?:(?:{_DOWN_WORDS}|{_UP_WORDS}|now|is at|stands at)\s+)?(?:to|now|is at|stands at)\s+{_ABOUT}")
_RANGE = _re(r"\d\s*%?\s+to\s+$")
_FROM_NUMBER = _re(r"\bfrom\s+(?:\w+\s+)?[\d.,]+\s*%?\s+(?:\w+\s+)?to\s+$")
_FROM = _re(rf"\bfrom\s+{_ABOUT}")
_BEFORE_AFTER = _re(rf"{_NEAR}(?:before|earlier|previously|until then|a week ago|the day before)\b")
_USUAL_AFTER = _re(rf"{_NEAR}(?:usual|usually|normally|expected|on average)\b")
_NOT_NOW_BEFORE = _re(
    r"\b(?:instead of|rather than|against|compared with|compared to|versus|vs\.?|expected|usually|normally|usual)\s+"
    r"(?:(?:about|around|the|usual|an?|average|of)\s+)*$"
)
_NOW_AFTER = _re(rf"{_NEAR}(?:now|today)\b")
_NOUN = _re(
    r"^\s*(?:(?:of|in|the|its|all|other|new|distinct|failed|null|empty|more|fewer)\s+){0,3}"
    rf"(?P<noun>duplicate keys|duplicates|{_PEOPLE}|leavers|newcomers|joiners|nulls?|rows|segments|incidents|days|runs)\b"
)
_NULL_NOUN = _re(
    r"^\s*(?:more\s+|fewer\s+)?(?:of\s+(?:the\s+|its\s+)?values?\s+(?:are|is|were)\s+)?(?:nulls?|missing|empty)\b"
)
_COUNTS_OF = {
    "leavers": {"people"},
    "newcomers": {"people"}, "joiners": {"people"}, "null": {"nulls"}, "nulls": {"nulls"},
    "rows": {"rows", "nulls", "duplicates"}, "duplicates": {"duplicates"}, "duplicate": {"duplicates"}, "segments": {"segments"},
    "incidents": {"incidents"}, "days": {"days"}, "runs": {"runs"},
}  # fmt: skip
_STAY = _re(r"^\s*(?:members|people|customers)?\s*(?:are|is|was|were|have|remain)\b")
_WHO = rf"^\s*(?:(?:{_PEOPLE})\s+)?(?:who\s+|that\s+|have\s+)?"
_LOST_AFTER = _re(rf"{_WHO}(?:left|leavers|were lost|dropped out|exited|fell out|losses)\b")
_GAINED_AFTER = _re(rf"{_WHO}(?:came|joined|entered|newcomers|joiners|were gained)\b")
_LOST_BEFORE = _re(rf"\b(?:lost|losing|loses)\s+{_ABOUT}")
_GAINED_BEFORE = _re(rf"\b(?:gained|gaining|gains)\s+{_ABOUT}")
_VAGUE = re.compile(
    r"\b(half|halved|halving|(?<!ran )(?<!loaded )twice|double[ds]?|doubling|triple[ds]?|tripling|tenfold"
    r"|dozens?|hundreds|thousands|millions"
    r"|most(?= of| members| leavers| people| rows)|majority|all members|everybody|everyone|nobody|no members)\b",
    re.IGNORECASE,
)
_NOUNS_OF_DIRECTION = (
    ("nulls", re.compile(r"\b(?:nulls?|null share)\b", re.IGNORECASE)),
    ("rows", re.compile(r"\brows\b", re.IGNORECASE)),
    ("duplicates", re.compile(r"\bduplicates?\b", re.IGNORECASE)),
    ("people", re.compile(r"\b(?:members|size|audience|membership)\b", re.IGNORECASE)),
    ("conversion", re.compile(r"\bconversion\b", re.IGNORECASE)),
    ("inactive", re.compile(r"\binactiv\w+\b", re.IGNORECASE)),
    ("reach", re.compile(r"\breach\b", re.IGNORECASE)),
)
_FLOWING = re.compile(
    r"\b(?:left|leavers?|lost|leaving|exit\w*|newcomers?|came|joined|entered|gained)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Claim:
    """One number of a text, and what the words around it say that it is; '' or None where they say nothing."""

    number: Number
    subject: str = ""
    counts: frozenset[str] = frozenset()
    when: frozenset[When] = frozenset()
    is_change: bool = False
    sign: int = 0
    way: str = ""
    day: Day | None = None

    def fits(self, fact: Fact) -> bool:
        """Say whether the evidence states this: the same number of the same thing."""
        return self.has_value(fact) and not self.contradicts(fact)

    def has_value(self, fact: Fact) -> bool:
        """Say whether the number alone is the fact's."""
        if self.number.is_percent:
            return (fact.is_percent and self.number.is_close(fact.value)) or (
                fact.is_share and self.number.is_close(fact.value * 100)
            )
        return not fact.is_percent and self.number.is_close(fact.value)

    def contradicts(self, fact: Fact) -> bool:
        """Say whether the fact is a number of something else, or of another time, or goes the other way."""
        is_change = fact.role == "change"
        return any(
            (
                self.subject and fact.subjects and self.subject not in fact.subjects,
                self.counts and fact.counts and fact.counts not in self.counts,
                self.when and fact.when and fact.when not in self.when,
                self.is_change and fact.role == "level",
                is_change and not self.is_change and bool(self.when or self.way == "level"),
                self.is_change and is_change and self.sign and fact.sign and fact.sign != self.sign,
                not is_change and self.sign and fact.sign and fact.sign != self.sign,
                self.way in ("lost", "gained") and fact.way and fact.way != self.way and not is_change,
                self.way in ("lost", "gained") and fact.counts not in ("", "people"),
                self.way in ("lost", "gained") and is_change and fact.sign == (1 if self.way == "lost" else -1),
                self.day and fact.day and (self.day[0], self.day[1]) != (fact.day.month, fact.day.day),
            )
        )


@dataclass(frozen=True)
class Finding:
    """What came of a text: '' or the first thing that is wrong in it, and the evidence that it needs beside what it cites."""

    wrong: str = ""
    needs: tuple[str, ...] = ()


def check_claims(text: str, known: Known, cited: Sequence[str]) -> Finding:
    """Hold every date, number and direction of a text against the evidence, the cited first."""
    rest, days = split_days(without_quoted(text, known.texts))
    needs = list[str]()
    for told, written in days:
        homes = [e for e, found in known.days.items() if any(_is_day(told, d) for d in found)]
        if not homes:
            return Finding(f"the date {written} is not in the evidence")
        _need(needs, homes, cited)
    vague = _VAGUE.search(rest)
    if vague:
        return Finding(f"'{vague.group()}' cannot be checked against the evidence")
    every = numbers_in(rest)
    for start, end in clauses(rest):
        inside = [n for n in every if start <= n.start < end]
        day = next((d for d, _ in split_days(text[start:end])[1]), None) if len(inside) == 1 else None
        wrong = _check_clause(rest, start, end, inside, known, cited, needs, day)
        if wrong:
            return Finding(wrong)
    return Finding("", tuple(needs))


def _check_clause(
    text: str, start: int, end: int, numbers: Sequence[Number], known: Known, cited: Sequence[str],
    needs: list[str], day: Day | None,
) -> str:  # fmt: skip
    """Return what is wrong in one clause, '' when nothing is; note what has to be cited for it."""
    if not numbers:
        return _wrong_direction(text[start:end], known)
    claims = [claim_of(text, start, end, n, known, day) for n in numbers]
    for first, second in pairwise(claims):
        between = text[first.number.end : second.number.start]
        if is_part_of(between) and not first.number.is_percent:
            homes = [e for e, a, b in known.pairs if first.number.is_close(a) and second.number.is_close(b)]
            if not homes:
                return (
                    f"'{text[first.number.start : second.number.end].strip()}' is in no evidence as a part of a whole"
                )
            _need(needs, homes, cited)
    for claim in claims:
        homes = [f.evidence for f in known.facts if claim.fits(f)]
        if not homes:
            if any(claim.has_value(f) for f in known.facts):
                return f"the number {claim.number.written} is in the evidence, but not as what it is said to be"
            return f"the number {claim.number.written} is not in the evidence"
        _need(needs, homes, cited)
    return ""


def claim_of(text: str, start: int, end: int, number: Number, known: Known, day: Day | None = None) -> Claim:
    """Return what the words of a clause say about one of its numbers."""
    before, after = text[start : number.start], text[number.end : end]
    sign, is_change = 0, False
    for pattern, way_of_it, side in (
        (_FEWER, -1, after), (_MORE, 1, after), (_CHANGED_DOWN, -1, before), (_CHANGED_UP, 1, before)
    ):  # fmt: skip
        if pattern.search(side):
            sign, is_change = way_of_it, True
            break
    if not sign and not _FROM.search(before):  # after `from` it is the number before the change: `when` says so
        sign = -1 if _TIED_DOWN.search(before) else 1 if _TIED_UP.search(before) else 0
    noun = _NOUN.match(after)
    counts = frozenset(_COUNTS_OF.get(noun["noun"].lower().split()[0], {"people"})) if noun else frozenset()
    if _NULL_NOUN.match(after):
        counts = frozenset({"nulls"})
    return Claim(
        number=number,
        subject=_subject(before, known),
        counts=frozenset() if number.is_percent and counts == {"people"} else counts,
        when=_when(before, after) if not is_change else frozenset(),
        is_change=is_change,
        sign=sign,
        way=_way(before, after),
        day=day,
    )


def _when(before: str, after: str) -> frozenset[When]:
    """Return the times that a number may be of, by the words beside it; empty when they do not say."""
    not_now: frozenset[When] = frozenset({"before", "usual", "expected"})
    if any(
        (_BEFORE_AFTER.match(after), _USUAL_AFTER.match(after), _FROM.search(before), _NOT_NOW_BEFORE.search(before))
    ):
        return not_now
    is_range = _RANGE.search(before) and not _FROM_NUMBER.search(before)
    if (_TO.search(before) and not is_range) or _NOW_AFTER.match(after):
        return frozenset({"now"})
    return frozenset()


def _way(before: str, after: str) -> str:
    """Return whether a number is of those who left, came, or are there."""
    if _STAY.match(after):
        return "level" if re.match(r"^\s*(?:members|people|customers)", after) else ""
    if _LOST_AFTER.match(after) or _LOST_BEFORE.search(before):
        return "lost"
    if _GAINED_AFTER.match(after) or _GAINED_BEFORE.search(before):
        return "gained"
    noun = _NOUN.match(after)
    if noun and noun["noun"].lower() == "leavers":
        return "lost"
    return "gained" if noun and noun["noun"].lower() in ("newcomers", "joiners") else ""


def _subject(before: str, known: Known) -> str:
    """Return the last thing that is named before a number in its clause, '' when nothing is."""
    named = [w for w in re.findall(r"[^\W\d][\w.]*", without_possessives(before)) if w.lower() in known.subjects]
    return named[-1].lower() if named else ""


def without_possessives(text: str) -> str:
    """Return a text whose possessives are taken off, so that `vip's` is vip."""
    return re.sub(r"['’]s\b", "", text)


def _wrong_direction(clause: str, known: Known) -> str:
    """Return why a clause without numbers turns a direction round, '' when it does not."""
    plain = without_names(clause)
    down, up = bool(_DOWN_VERB.search(plain)), bool(_UP_VERB.search(plain))
    down = down or bool(re.search(r"\b(?:fewer|lower|less)\b", plain, re.IGNORECASE))
    up = up or bool(re.search(r"\b(?:more|higher)\b(?!\s+than)", plain, re.IGNORECASE))
    if down == up:
        return ""
    said = -1 if down else 1
    names = words_of(clause)
    for counts, noun in _NOUNS_OF_DIRECTION:
        if not noun.search(plain) or (counts == "people" and _FLOWING.search(plain)):
            continue
        facts = [f for f in known.facts if f.sign and (f.counts == counts)]
        named = [f for f in facts if f.subjects & names & known.subjects]
        facts = named or ([] if names & known.subjects else facts)
        if facts and all(f.sign != said for f in facts):
            return f"'{clause.strip()[:60]}' says the opposite of the evidence"
    return ""


def _is_day(day: Day, there: date) -> bool:
    return (day[0], day[1]) == (there.month, there.day) and day[2] in (0, there.year)


def _need(needs: list[str], homes: Sequence[str], cited: Sequence[str]) -> None:
    """Note the first home of a claim that is not among the cited, when none of its homes is."""
    if "" in homes or any(h in cited or h in needs for h in homes):
        return
    needs.append(homes[0])
