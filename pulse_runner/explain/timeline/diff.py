"""What a change of a model's code did: to the expression of a column, or to which rows there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from sqlglot import exp

from pulse_runner.explain.lineage.code import filled_in
from pulse_runner.explain.lineage.names import Part
from pulse_runner.explain.lineage.trace import Lineage, parsed

What = Literal["column", "rows", "other", "text", "nothing"]
ROWS = (exp.Where, exp.Having, exp.Qualify, exp.Join, exp.Group, exp.Limit, exp.Distinct, exp.Table)
MAX_TEXT = 200


@dataclass(frozen=True)
class Difference:
    """How code changed: in the making of `column`, in which rows there are, elsewhere, or (unparsed) in its text."""

    what: What
    before: str = ""
    after: str = ""
    column: str = ""


def difference(lineage: Lineage, unique_id: str, old: str, new: str, columns: Sequence[str]) -> Difference:
    """Return what became of a model: the first of `columns` that is made otherwise, else its rows, else anything."""
    before, after = (_tree(lineage, unique_id, code) for code in (old, new))
    if before is None or after is None:
        return text_difference(old, new)
    if _sql(before, lineage) == _sql(after, lineage):
        return Difference("nothing")
    for column in columns:
        pair = _expressions(lineage, unique_id, (before, after), column)
        if pair is not None:
            return Difference("column", _short(pair[0]), _short(pair[1]), column)
    was, now = (Counter(_rows(tree, lineage)) for tree in (before, after))
    if was != now:
        gone, come = "; ".join((was - now).elements()), "; ".join((now - was).elements())
        return Difference("rows", _short(gone), _short(come))
    return Difference("other")


def text_difference(old: str, new: str) -> Difference:
    """Return the first lines that differ, of code that is no plain SQL (a macro, Python, Jinja)."""
    was, now = ([line.strip() for line in code.splitlines() if line.strip()] for code in (old, new))
    for tag, a, b, c, d in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag != "equal":
            return Difference("text", _short(" ".join(was[a:b])), _short(" ".join(now[c:d])))
    return Difference("nothing")


def _tree(lineage: Lineage, unique_id: str, code: str) -> Part | None:
    node = lineage.nodes.get(unique_id)
    if node is None or node.get("language", "sql") != "sql":
        return None
    sql = filled_in(lineage.manifest, {**node, "raw_code": code})
    return parsed(sql, lineage.dialect) if sql else None


def _expressions(lineage: Lineage, unique_id: str, trees: tuple[Part, Part], column: str) -> tuple[str, str] | None:
    """Return how a column was made and how it is made now, None where that is the same."""
    old, new = (lineage.origin_in(unique_id, tree, column) for tree in trees)
    was, now = ([(n, _sql(e, lineage)) for n, e in o.expressions] for o in (old, new))
    if was != now:
        gone = next((e for e in was if e not in now), None)
        come = next((e for e in now if e not in was), None)
        return (gone[1] if gone else column, come[1] if come else column)
    if set(old.refs) != set(new.refs) and not old.gaps and not new.gaps:
        return _named(old.refs), _named(new.refs)
    return None


def _named(refs: Sequence[tuple[tuple[str, ...], str]]) -> str:
    return ", ".join(f"{key[-1]}.{column}" for key, column in refs) or "nothing"


def _rows(tree: Part, lineage: Lineage) -> list[str]:
    """Return everything that decides which rows there are, as text."""
    return [_sql(part, lineage) for part in tree.find_all(*ROWS)]


def _sql(part: Part, lineage: Lineage) -> str:
    return str(part.sql(dialect=lineage.dialect or None, comments=False))


def _short(text: str) -> str:
    line = " ".join(text.split()).replace("`", "'")
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"
