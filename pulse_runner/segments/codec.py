"""Rules as plain data and back, for the generated file that remembers earlier versions."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from pulse_runner.segments.model import (
    Aggregate,
    All,
    AnyOf,
    Comparison,
    EventLeaf,
    FieldLeaf,
    Not,
    Rule,
    SegmentLeaf,
    SqlLeaf,
)

KINDS = {k.__name__: k for k in (All, AnyOf, Not, FieldLeaf, EventLeaf, SegmentLeaf, SqlLeaf, Comparison, Aggregate)}


def rule_to_data(rule: object) -> Any:
    """Return a rule as dicts, lists and scalars; each dict names its kind.

    >>> rule_to_data(Not(FieldLeaf("ltv", ">", (10,))))
    {'kind': 'Not', 'part': {'kind': 'FieldLeaf', 'field': 'ltv', 'operator': '>', 'values': [10]}}
    """
    if is_dataclass(rule) and not isinstance(rule, type):
        return {"kind": type(rule).__name__} | {f.name: rule_to_data(getattr(rule, f.name)) for f in fields(rule)}
    if isinstance(rule, tuple):
        return [rule_to_data(x) for x in rule]
    return rule


def rule_from_data(data: Any) -> Rule:
    """Return the rule that `rule_to_data` wrote; KeyError or TypeError when it is not one. A leaf may carry its bit."""
    found = _from_data(data)
    if not isinstance(found, All | AnyOf | Not | FieldLeaf | EventLeaf | SegmentLeaf | SqlLeaf):
        raise TypeError(f"{type(found).__name__} is not a rule")
    return found


def _from_data(data: Any) -> Any:
    if isinstance(data, dict):
        return KINDS[data["kind"]](**{k: _from_data(v) for k, v in data.items() if k not in ("kind", "bit")})
    if isinstance(data, list):
        return tuple(_from_data(x) for x in data)
    return data
