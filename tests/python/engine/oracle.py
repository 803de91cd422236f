"""An evaluator of rules that shares nothing with the compiler: written from docs/metrics.md, one row at a time."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pulse_runner.segments.model import All, AnyOf, EventLeaf, FieldLeaf, Not, Rule, SegmentLeaf, SqlLeaf

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda x, v: v in x, "not_contains": lambda x, v: v not in x,
    "starts_with": lambda x, v: x.startswith(v), "ends_with": lambda x, v: x.endswith(v),
    "matches": lambda x, v: re.search(v, x) is not None,
}  # fmt: skip
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Oracle:
    """Rules over rows: `clocks` maps a clock to its column, `sql` gives the Python twin of each SQL leaf."""

    rules: Mapping[str, Rule]
    clocks: Mapping[str, str]
    sql: Mapping[str, Callable[[Row], bool | None]]
    events: Sequence[Row]

    def member(self, rule: Rule, row: Row, today: date, known: date | None = None) -> bool:
        """Say whether a row satisfies a rule on a day, with the events up to `known` (default: that day)."""
        known = known or today
        if isinstance(rule, All):
            return all(self.member(p, row, today, known) for p in rule.parts)
        if isinstance(rule, AnyOf):
            return any(self.member(p, row, today, known) for p in rule.parts)
        if isinstance(rule, Not):
            return not self.member(rule.part, row, today, known)
        if isinstance(rule, SegmentLeaf):
            inside = self.member(self.rules[rule.segment], row, today, known)
            return inside if rule.operator == "in_segment" else not inside
        if isinstance(rule, SqlLeaf):
            clocked = dict(row) | {c: _days(row[of], today) for c, of in self.clocks.items()}
            return self.sql[rule.sql](clocked) is True
        if isinstance(rule, EventLeaf):
            return self._events(rule, row, today, known)
        value = _days(row[self.clocks[rule.field]], today) if rule.field in self.clocks else row[rule.field]
        return self._field(rule, value, today)

    def _field(self, leaf: FieldLeaf, x: Any, today: date) -> bool:
        values = leaf.values
        if leaf.operator == "is_null":
            return x is None
        if x is None:
            return False
        if leaf.operator == "is_not_null":
            return True
        if leaf.operator in COMPARE:
            return COMPARE[leaf.operator](x, values[0])
        if leaf.operator in TEXT:
            return TEXT[leaf.operator](x, str(values[0]))
        if leaf.operator in ("in", "not_in"):
            return (x in values) == (leaf.operator == "in")
        if leaf.operator in ("is_true", "is_false"):
            return bool(x) == (leaf.operator == "is_true")
        if leaf.operator == "between" and not isinstance(x, date):
            return bool(values[0] <= x <= values[1])
        on = x.date() if isinstance(x, datetime) else x
        ago = (today - on).days
        match leaf.operator:
            case "between":
                return bool(str(values[0]) <= on.isoformat() <= str(values[1]))
            case "on":
                return bool(on.isoformat() == values[0])
            case "before":
                return bool(on.isoformat() < str(values[0]))
            case "after":
                return bool(on.isoformat() > str(values[0]))
            case "in_last":
                return bool(0 <= ago <= int(values[0]))
            case "more_than_ago":
                return bool(ago > int(values[0]))
            case "between_ago":
                return bool(int(values[0]) <= ago <= int(values[1]))
        raise AssertionError(leaf.operator)

    def _events(self, leaf: EventLeaf, row: Row, today: date, known: date) -> bool:
        found = [
            e
            for e in self.events
            if e["key"] == row["key"]
            and e["at"].date() <= known
            and (leaf.in_last is None or (today - e["at"].date()).days <= leaf.in_last)
            and all(self._field(w, e[w.field], today) for w in leaf.where)
        ]
        if leaf.aggregate:
            amounts = [e[leaf.aggregate.field] for e in found if e[leaf.aggregate.field] is not None]
            if leaf.aggregate.function == "sum":
                value: Any = sum(amounts)
            elif not amounts:
                value = None
            else:
                value = {"min": min, "max": max, "avg": lambda a: sum(a) / len(a)}[leaf.aggregate.function](amounts)
            compared = leaf.aggregate.comparison
            true = value is not None and COMPARE[compared.operator](value, compared.value)
        elif leaf.count:
            true = COMPARE[leaf.count.operator](len(found), leaf.count.value)
        else:
            true = bool(found)
        return true == (leaf.operator == "performed")


def _days(x: Any, today: date) -> int | None:
    if x is None:
        return None
    return (today - (x.date() if isinstance(x, datetime) else x)).days
