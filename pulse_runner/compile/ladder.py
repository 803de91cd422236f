"""Many leaves on one column as one CASE: each value range or category gives the sum of the bits that are true there.

A column with thirty conditions costs a handful of comparisons per row instead of thirty.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from pulse_runner.compile.sql import literal
from pulse_runner.segments.model import Entity, FieldLeaf, Leaf

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
NULLS = ("is_null", "is_not_null")
RELATIVE = ("in_last", "more_than_ago", "between_ago")
NUMERIC = (*COMPARE, "in", "not_in", "between", *NULLS)
T = TypeVar("T")


@dataclass(frozen=True)
class Rung:
    """What a leaf says about one column: whether it holds for a null, for a value, and the values where its answer can change."""

    mask: int
    null: bool
    holds: Callable[[Any], bool]
    marks: tuple[Any, ...]


def ladder_key(leaf: Leaf, entity: Entity) -> tuple[str, str] | None:
    """Return (kind, column) of a leaf that can share a CASE with others of the same, None for one that stands alone.

    Kinds: `number` and `days` (whole days since a date) are ordered, `text` is not.
    """
    if not isinstance(leaf, FieldLeaf):
        return None
    field = entity.fields[leaf.field]
    if field.days_since is not None:
        return ("days", field.days_since) if leaf.operator in NUMERIC else None
    if field.type == "number" and leaf.operator in NUMERIC:
        return "number", leaf.field
    if field.type == "text" and leaf.operator in ("=", "!=", "in", "not_in", *NULLS):
        return "text", leaf.field
    if field.type in ("date", "timestamp") and leaf.operator in RELATIVE:
        return "days", leaf.field
    return None


def rung(leaf: FieldLeaf, mask: int) -> Rung:
    """Return a leaf as a function of one value; for dates the value is the days back from the snapshot date."""
    v, op = leaf.values, leaf.operator
    if op in NULLS:
        return Rung(mask, op == "is_null", lambda x: op == "is_not_null", ())
    if op in ("in", "not_in"):
        listed = frozenset(v)
        return Rung(mask, False, lambda x: (x in listed) == (op == "in"), v)
    if op in ("between", "between_ago"):
        return Rung(mask, False, lambda x: v[0] <= x <= v[1], v)
    if op == "in_last":
        return Rung(mask, False, lambda x: 0 <= x <= v[0], (0, v[0]))
    compare: Callable[[Any, Any], bool] = COMPARE[">" if op == "more_than_ago" else op]
    return Rung(mask, False, lambda x: bool(compare(x, v[0])), v)


def ladder_sql(kind: str, column: str, rungs: Sequence[Rung]) -> str:
    """Return one CASE over a text or number column that gives the sum of the bits of the leaves that are true; 0 where none is."""
    branches, rest = _categories(column, rungs) if kind == "text" else _ranges(column, rungs)
    null = null_bits(rungs)
    if null != rest:  # a null passes every comparison by
        branches = [(f"{column} is null", null), *branches]
    if not branches:
        return str(rest)
    return "case" + "".join(f" when {condition} then {mask}" for condition, mask in branches) + f" else {rest} end"


def day_cuts(rungs: Sequence[Rung]) -> tuple[list[list[int]], int]:
    """Return the ranges of days since a date, from few days to many, as [edge, bits], and the bits from the last edge on.

    A range reaches from the edge before it up to `edge - 1` days. In SQL that is: the date is later than `edge` days ago.
    """
    edges = sorted({edge for r in rungs for m in r.marks for edge in (math.ceil(m), math.floor(m) + 1)})
    kept, rest = _merged([(edge, _mask(rungs, edge - 1)) for edge in edges], _mask(rungs, math.inf))
    return [[edge, bits] for edge, bits in kept], rest


def null_bits(rungs: Sequence[Rung]) -> int:
    """Return the bits of the leaves that hold for a null."""
    return sum(r.mask for r in rungs if r.null)


def _categories(column: str, rungs: Sequence[Rung]) -> tuple[list[tuple[str, int]], int]:
    rest = _mask(rungs, None)
    by_mask: dict[int, list[str]] = {}
    for value in sorted({m for r in rungs for m in r.marks}):
        by_mask.setdefault(_mask(rungs, value), []).append(literal(value))
    return [
        (f"{column} = {v[0]}" if len(v) == 1 else f"{column} in ({', '.join(v)})", m)
        for m, v in by_mask.items()
        if m != rest
    ], rest


def _ranges(column: str, rungs: Sequence[Rung]) -> tuple[list[tuple[str, int]], int]:
    """Cut the line at every mark into points and the open ranges between them, from low to high; equal neighbours are one."""
    marks = sorted({m for r in rungs for m in r.marks})
    cuts, low = [], None
    for mark in marks:
        high = Fraction(mark)
        inside = high - 1 if low is None else (low + high) / 2
        cuts.append((f"{column} < {literal(mark)}", _mask(rungs, inside)))
        cuts.append((f"{column} <= {literal(mark)}", _mask(rungs, high)))
        low = high
    return _merged(cuts, _mask(rungs, math.inf))


def _merged(cuts: Sequence[tuple[T, int]], rest: int) -> tuple[list[tuple[T, int]], int]:
    kept: list[tuple[T, int]] = []
    for condition, mask in cuts:
        if kept and kept[-1][1] == mask:
            kept.pop()
        kept.append((condition, mask))
    while kept and kept[-1][1] == rest:
        kept.pop()
    return kept, rest


def _mask(rungs: Sequence[Rung], value: Any) -> int:
    return sum(r.mask for r in rungs if r.holds(value))
