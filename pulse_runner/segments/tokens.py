"""SQL of a definition cut into words, the way every warehouse cuts it.

Only signs that all warehouses read alike are signs here. So no quote, comment, dollar or backslash can mean one thing to the check and
another to the warehouse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "name", "text", "number", "sign"]

_TOKEN = re.compile(
    r"""(?P<space>[ \t\n]+)
    | (?P<word>[^\W\d]\w*)
    | (?P<name>"(?:[^"]|"")+")
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<text>'(?:[^']|'')*')
    | (?P<mark>[(),.])
    | (?P<sign>[-+*/<>=~!|%:]+)""",
    re.VERBOSE,
)
# signs in a row are one operator to Postgres and DuckDB, unless the last is a plus or a minus before a number
_SIGN = re.compile(r"(<=|>=|<>|!=|::|\|\||!~\*|!~|~\*|[-+*/%<>=~])")
_SIGNED = re.compile(r"(<=|>=|<>|[=<>*/+])([-+])")
_SOLID = ("word", "text", "name", "number")


@dataclass(frozen=True)
class Token:
    """One word, quoted name, text, number or sign; `text` is what it says, without quotes, words in lower case in `low`."""

    kind: Kind
    text: str

    @property
    def low(self) -> str:
        """Return a word or a sign in lower case; '' for names, texts and numbers, which are no part of the language."""
        return self.text.lower() if self.kind in ("word", "sign") else ""


def tokens_of(sql: str) -> tuple[list[Token], str]:
    """Return the tokens of an expression, and what cannot be read: '' when all can.

    >>> [t.text for t in tokens_of("ltv>=1 and note = 'it''s'")[0]]
    ['ltv', '>=', '1', 'and', 'note', '=', "it's"]
    >>> tokens_of("ltv > $1")[1]
    '$'
    """
    tokens: list[Token] = []
    at, last = 0, ""
    while at < len(sql):
        found = _TOKEN.match(sql, at)
        if found is None:
            return tokens, sql[at]
        kind, text = str(found.lastgroup), found[0]
        if kind in _SOLID and last in _SOLID:
            return tokens, sql[at : at + 20]  # E'..', 1x, "a"b: read in different ways
        if kind in ("text", "name"):
            mark = text[0]
            text = text[1:-1].replace(mark * 2, mark)
            if kind == "text" and (text.endswith("\\") or "\\'" in text):
                return tokens, "\\'"
        if kind == "sign":
            signs = _SIGN.fullmatch(text) or _SIGNED.fullmatch(text)
            if signs is None:
                return tokens, text
            tokens += [Token("sign", sign) for sign in signs.groups()]
        elif kind != "space":
            tokens.append(Token("sign" if kind == "mark" else kind, text))  # type: ignore[arg-type]
        at, last = found.end(), kind
    return tokens, ""


def closing(tokens: Sequence[Token], opened: int) -> int:
    """Return where the bracket that opens at `opened` closes; the end when it does not."""
    depth = 0
    for n in range(opened, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[n].low, 0)
        if depth == 0:
            return n
    return len(tokens)


def opening(tokens: Sequence[Token], closed: int) -> int:
    """Return where the bracket that closes at `closed` opens; the beginning when it does not."""
    depth = 0
    for n in range(closed, -1, -1):
        depth += {")": 1, "(": -1}.get(tokens[n].low, 0)
        if depth == 0:
            return n
    return 0


def arguments(tokens: Sequence[Token], opened: int) -> list[Sequence[Token]]:
    """Return what stands between the commas of a call whose bracket opens at `opened`."""
    end, depth, start = closing(tokens, opened), 0, opened + 1
    found: list[Sequence[Token]] = []
    for n in range(opened + 1, end):
        depth += {"(": 1, ")": -1}.get(tokens[n].low, 0)
        if tokens[n].low == "," and depth == 0:
            found.append(tokens[start:n])
            start = n + 1
    return [*found, tokens[start:end]]
