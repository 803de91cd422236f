"""SQL that people write: one boolean expression over declared fields, and nothing else.

Every word of it must be known: a field, a word of the language, a function or a type of the allow list (`functions.py`). What
is left is parsed, and every node of the tree must be a known one too. A query, a table, a setting or a clock has no way in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pulse_runner.errors import did_you_mean
from pulse_runner.segments.functions import CLOCKS, FUNCTIONS, SESSION, TYPES, Functions, places_of
from pulse_runner.segments.pattern import DO as SHORTER
from pulse_runner.segments.pattern import pattern_problem
from pulse_runner.segments.tokens import Token, arguments, closing, opening, tokens_of

LONGEST, DEEPEST = 2000, 20  # characters, brackets and cases within each other
MOST_DIGITS = 38  # of a number, and the precision of a cast

LISTED = "docs/segments.md lists what is allowed; the var pulse_sql_functions of dbt_project.yml adds names."
RELATIVE = "For a date relative to the snapshot write {field: seen_at, operator: in_last, days: 7}, or compare a clock (days_since)."
ONE = "Write each condition as a rule of its own."
ALONE = "Write a field or a function by its name alone: no schema, no table, no dot."
OTHERS = "Read the entity's own fields; for others there are in_segment, and conditions on events."
PLAIN = "Write it with the fields, the functions of docs/segments.md, and plain signs such as = <> < > + - * / || ~."

KEYWORDS = frozenset(
    re.findall(r"\w+", "and or not in is null true false between like ilike case when then else end as distinct from")
)
BEFORE_BRACKET = frozenset(re.findall(r"\w+", "and or not in when then else case between from"))
UNITS = frozenset(re.findall(r"\w+", "year quarter month week day hour minute second dow isodow doy isoyear epoch"))
WITH_UNIT = ("date_part", "date_trunc", "date_diff")
PATTERNS = ("~", "~*", "!~", "!~*", "like", "ilike")
PATTERN_CALLS = ("regexp_matches", "regexp_like")
DATES = ("date", "timestamp")
NODES = (
    exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ,
    exp.Between, exp.In, exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpILike, exp.Case, exp.If, exp.Column, exp.Identifier, exp.Literal,
    exp.Boolean, exp.Null, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.DPipe, exp.Cast, exp.DataType, exp.DataTypeParam,
    exp.Interval, exp.Var, exp.Tuple, exp.Func,
)  # fmt: skip
NEVER = (exp.Query, exp.AggFunc, exp.Window, exp.Star)
BOOLEAN = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Column, exp.Func)

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?")
_SPAN = re.compile(r"[0-9]{1,5} (year|month|week|day|hour|minute|second)s?")
_TODAY = re.compile(r"(?<![a-z])(now|today|tomorrow|yesterday)(?![a-z])", re.IGNORECASE)
_ENDS = (")", ",", "and", "or", "then", "when", "else", "end")


class Refusal(NamedTuple):
    """What is wrong with an expression, and what to do."""

    what: str
    do: str = ""


def check_expression(
    sql: str, fields: Mapping[str, str], allowed: Functions | None = None
) -> tuple[list[Refusal], tuple[str, ...]]:
    """Return what is wrong with an expression, and the fields that it reads; `fields` are names with their types.

    >>> check_expression("ltv > 2 * spend", {"ltv": "number", "spend": "number"})
    ([], ('ltv', 'spend'))
    >>> check_expression("ltv > 1; drop table x", {"ltv": "number"})[0][0].what
    'the SQL must be one expression without `;`'
    """
    if len(sql) > LONGEST:
        return [
            Refusal(f"the SQL has {len(sql):,} characters; at most {LONGEST:,} are read", "Split it into several.")
        ], ()
    if any(tag in sql for tag in ("{{", "{%", "{#")):
        return [Refusal("the SQL must not hold Jinja", "Write the field's name alone: no braces.")], ()
    tokens, unread = tokens_of(sql)
    if unread:
        return [_unreadable(unread)], ()
    if (deep := _depth(tokens)) > DEEPEST:
        return [Refusal(f"the SQL is nested {deep} deep; at most {DEEPEST} are read", "Split it into several.")], ()
    words = _Words(tokens, fields, allowed or Functions())
    problems = words.problems or _shape(sql)
    return list(dict.fromkeys(problems)), tuple(sorted(words.read))


def fields_of(sql: str, fields: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that an expression reads, which was checked before.

    >>> fields_of("lower(country) = 'ltv'", ["country", "ltv"])
    ('country',)
    """
    return check_expression(sql, dict.fromkeys(fields, ""))[1]


def _unreadable(sign: str) -> Refusal:
    if sign == ";":
        return Refusal("the SQL must be one expression without `;`", ONE)
    if sign.startswith(("--", "/*", "*/")):
        return Refusal("the SQL must not hold a comment", "Put it into the segment's description.")
    return Refusal(f"the SQL cannot be read at `{sign}`", PLAIN)


def _depth(tokens: Sequence[Token]) -> int:
    """Return how deep the expression is nested: brackets, cases, and signs and `not` in a row."""
    depth, deepest, row = 0, 0, 0
    for token in tokens:
        depth += {"(": 1, "case": 1, ")": -1, "end": -1}.get(token.low, 0)
        row = row + 1 if token.low in ("not", "-", "+", "~") else 0
        deepest = max(deepest, depth + row)
    return deepest


class _Words:
    """Every word of an expression, in its place: the fields that it reads, and what is not allowed."""

    def __init__(self, tokens: Sequence[Token], fields: Mapping[str, str], allowed: Functions) -> None:
        self.tokens, self.fields, self.allowed = tokens, fields, allowed
        self.problems: list[Refusal] = []
        self.read: set[str] = set()
        self.patterns: set[int] = set()  # places of texts that are patterns
        self.positions: set[int] = set()  # places of the `in` of position(a in b)
        self.at = 0
        while self.at < len(tokens):
            self._take(tokens[self.at])
            self.at += 1

    def _next(self, n: int = 1) -> Token:
        place = self.at + n
        return self.tokens[place] if 0 <= place < len(self.tokens) else Token("sign", "")

    def _refuse(self, what: str, do: str = "") -> None:
        self.problems.append(Refusal(what, do))

    def _take(self, token: Token) -> None:
        if token.low == ".":
            self._refuse(f"the SQL cannot be read at `.{self._next().text[:40]}`", ALONE)
            self.at += 1
        elif token.low in PATTERNS:
            self._pattern()
        elif token.low == "::":
            self._cast(self._operand_before(), self.at + 1)
        elif token.kind == "number":
            self._number(token.text)
        elif token.kind == "text":
            self._text(token)
        elif token.kind == "name":
            self._name(token)
        elif token.kind == "word":
            self._word(token)

    def _number(self, text: str) -> None:
        if sum(c.isdigit() for c in text) > MOST_DIGITS or not math.isfinite(float(text)):
            self._refuse(f"the number {text[:20]} in the SQL does not fit", f"Write at most {MOST_DIGITS} digits.")

    def _text(self, token: Token) -> None:
        before = self._next(-1)
        if before.kind != "sign" and before.low not in KEYWORDS:
            self._refuse(f"the SQL cannot be read at `{token.text[:40]}`", PLAIN)
        elif self.at not in self.patterns and (found := _TODAY.search(token.text)):
            self._refuse(
                f"the text `{token.text[:40]}` in the SQL can mean the day on which the query runs (`{found[0]}`)",
                RELATIVE,
            )

    def _name(self, token: Token) -> None:
        if self._next().low == "(":
            self._refuse(f'`"{token.text}"(`: a function is not written in quotes', LISTED)
        else:
            self._field(token.text)

    def _word(self, token: Token) -> None:
        low, after = token.low, self._next()
        if after.low == ".":
            self._refuse(f"`{token.text[:40]}.{self._next(2).text[:40]}` names where something is", ALONE)
            self.at += 2
            return
        if after.low == "(" and low not in BEFORE_BRACKET:
            self._function(low)
        elif after.kind == "text" and (low in DATES or low == "interval"):
            self._typed(low, after)
        elif low == "as":
            self._refuse("`as` stands only in cast(field as type)", PLAIN)  # a cast takes its own away
        elif low == "from":
            if self._next(-1).low != "distinct":
                self._refuse("the SQL must not hold a subquery", OTHERS)
        elif low == "in" and after.low != "(" and self.at not in self.positions:
            self._refuse("`in` must be followed by a list in brackets", "Write field in ('a', 'b').")
        elif low not in KEYWORDS:
            self._field(token.text)

    def _field(self, name: str) -> None:
        if name in self.fields:
            self.read.add(name)
        elif name.lower() in ("select", "exists", "with", "values", "table", "union"):
            self._refuse("the SQL must not hold a subquery", OTHERS)
        elif name.lower() in CLOCKS:
            self._refuse(f"`{name}` is the day on which the query runs", RELATIVE)
        elif name.lower() in SESSION:
            self._refuse(f"`{name}` depends on who runs the query", PLAIN)
        else:
            near = did_you_mean(name, list(self.fields))
            self._refuse(f"unknown field `{name[:60]}` in the SQL{near}", "" if near else PLAIN)

    def _typed(self, low: str, text: Token) -> None:
        shape, like = (_SPAN, "7 days") if low == "interval" else (_ISO, "2026-01-31")
        if not shape.fullmatch(text.text):
            self._refuse(f"`{low} '{text.text[:40]}'` must be written as {low} '{like}'", RELATIVE)
        self.at += 1

    def _function(self, name: str) -> None:
        opened, given = self.at + 1, arguments(self.tokens, self.at + 1)
        if name not in self.allowed.names:
            self._unlisted(name)
        elif name in ("cast", "try_cast"):
            self._cast_call(opened)
        elif name == "extract":
            if [t.low for t in given[0][1:2]] != ["from"] or given[0][0].low not in UNITS:
                self._refuse("write extract as extract(year from field)", f"Units are {', '.join(sorted(UNITS))}.")
            self.at = min(opened + 2, len(self.tokens))
        elif name == "position":
            self.positions |= {n for n in range(opened, closing(self.tokens, opened)) if self.tokens[n].low == "in"}
        elif name in PATTERN_CALLS:
            self._pattern_call(name, opened, given)
        elif name == "replace":
            self._replace(given)
        elif name in WITH_UNIT and not (given[0] and given[0][0].kind == "text" and given[0][0].text.lower() in UNITS):
            self._refuse(
                f"`{name}` takes a unit first, such as {name}('day', ...)", f"Units are {', '.join(sorted(UNITS))}."
            )

    def _unlisted(self, name: str) -> None:
        if name in CLOCKS:
            self._refuse(f"`{name}` is the day on which the query runs", RELATIVE)
            return
        places = places_of(name, FUNCTIONS)
        near = f"; it is for {' and '.join(places)}" if places else did_you_mean(name, sorted(self.allowed.names))
        self._refuse(f"the function `{name[:60]}` is not on {self.allowed.where}{near}", LISTED)

    def _pattern(self) -> None:
        """A pattern is one text that is written out; of a regular expression, one that cannot run away."""
        text, sign = self._next(), self.tokens[self.at].low
        if text.kind != "text" or self._next(2).low not in ("", *_ENDS):
            self._refuse(
                f"the pattern behind `{sign}` must be one text that is written out", "Name it in the rule: '...'."
            )
            return
        self._judge(sign, text.text, self.at + 1, is_regular="~" in sign)

    def _pattern_call(self, name: str, opened: int, given: Sequence[Sequence[Token]]) -> None:
        texts = [a[0] for a in given[1:] if len(a) == 1 and a[0].kind == "text"]
        if len(given) < 2 or len(texts) != len(given) - 1:
            self._refuse(f"the pattern of `{name}` must be one text that is written out", "Name it in the rule: '...'.")
            return
        place = next(n for n in range(opened, len(self.tokens)) if self.tokens[n] is texts[0])
        self._judge(name, texts[0].text, place, is_regular=True)

    def _judge(self, sign: str, text: str, place: int, is_regular: bool) -> None:
        self.patterns.add(place)
        problem = pattern_problem(text) if is_regular else f"has {len(text)} characters" if len(text) > 200 else ""
        if problem:
            self._refuse(f"the pattern behind `{sign}` {problem}", SHORTER)

    def _replace(self, given: Sequence[Sequence[Token]]) -> None:
        """A text that grows with each replacement grows without end where replacements are nested."""
        pieces = [a[0] for a in given[1:] if len(a) == 1 and a[0].kind == "text"]
        if len(given) != 3 or len(pieces) != 2 or len(pieces[1].text) > len(pieces[0].text):
            self._refuse("the two texts of `replace` must be written out, the second no longer than the first", LISTED)

    def _operand_before(self) -> Sequence[Token]:
        last = self.at - 1
        if last < 0 or self.tokens[last].low != ")":
            return self.tokens[max(last, 0) : self.at]
        return self.tokens[opening(self.tokens, last) : self.at]

    def _cast_call(self, opened: int) -> None:
        end, depth = closing(self.tokens, opened), 0
        for n in range(opened, end):
            depth += {"(": 1, ")": -1}.get(self.tokens[n].low, 0)
            if self.tokens[n].low == "as" and depth == 1:
                inside = self.tokens[opened + 1 : n]
                taken = _Words(inside, self.fields, self.allowed)
                self.problems += taken.problems
                self.read |= taken.read
                length = self._cast(inside, n + 1)
                if not length or n + 1 + length != end:
                    self._refuse("write a cast as cast(field as type)", LISTED)
                self.at = end
                return
        self._refuse("write a cast as cast(field as type)", LISTED)

    def _cast(self, operand: Sequence[Token], start: int) -> int:
        """Judge the type at `start`, and what becomes of it; return how many tokens it has, and pass over them."""
        words = [t.low for t in self.tokens[start : start + 2]]
        length = 2 if words == ["double", "precision"] else 1
        name = " ".join(words[:length])
        if name not in self.allowed.types or self.tokens[start].kind != "word":
            shown = self.tokens[start].text[:60] if start < len(self.tokens) else ""
            near = did_you_mean(shown, sorted(self.allowed.types))
            where = f"; it is for {' and '.join(found)}" if (found := places_of(name, TYPES)) else near
            self._refuse(f"the type `{shown}` of a cast is not on {self.allowed.where}{where}", LISTED)
        elif name in DATES and not self._is_of_dates(operand):
            self._refuse(
                f"only a date, a timestamp, or text that is written out, such as '2026-01-31', can become a {name}",
                RELATIVE,
            )
        self.at = start + length - 1
        if start + length < len(self.tokens) and self.tokens[start + length].low == "(":
            sizes = self.tokens[start + length + 1 : closing(self.tokens, start + length)]
            length += len(sizes) + 2
            self.at = start + length - 1
            if any(
                t.low != "," and (t.kind != "number" or not t.text.isdigit() or len(t.text) > 2 or int(t.text) > 38)
                for t in sizes
            ):
                self._refuse(f"the size of `{name}` must be whole numbers up to {MOST_DIGITS}", LISTED)
        return length

    def _is_of_dates(self, operand: Sequence[Token]) -> bool:
        """Say whether it can only be a date: text, and what becomes of text, is read anew each day by some warehouses."""
        if len(operand) == 1 and operand[0].kind == "text":
            return bool(_ISO.fullmatch(operand[0].text))
        names = [t.text for t in operand if t.kind in ("name", "word") and t.text in self.fields]
        texts = [t.text for t in operand if t.kind == "text"]
        harmless = all(t.lower() in UNITS or _ISO.fullmatch(t) or _SPAN.fullmatch(t) for t in texts)
        return harmless and all(self.fields[n] in (*DATES, "") for n in names)


def _shape(sql: str) -> list[Refusal]:
    """Return what is wrong with the expression as a whole."""
    try:
        parsed = sqlglot.parse(sql, read="postgres")
    except (SqlglotError, RecursionError) as error:
        reason = (str(error).splitlines() or [""])[0]
        return [Refusal(f"the SQL cannot be parsed{'' if '<class' in reason else f': {reason}'}", PLAIN)]
    tree = parsed[0] if len(parsed) == 1 else None
    if tree is None:
        return [Refusal("the SQL must be one expression without `;`", ONE)]
    for node in tree.walk():
        if isinstance(node, NEVER) or not isinstance(node, NODES):
            return [Refusal(f"the SQL holds something that is not allowed here: {type(node).__name__.lower()}", PLAIN)]
    return (
        []
        if isinstance(tree.unnest(), BOOLEAN)
        else [Refusal("the SQL must be true or false; this is a value", "Compare it with something.")]
    )
