"""The operators of a field condition: one table that validation, texts, the JSON Schema and the docs are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pulse_runner.segments.model import FieldType

Operand = Literal["value", "list", "pair", "none", "days", "days pair"]

ANY: tuple[FieldType, ...] = ("number", "text", "boolean", "date", "timestamp")
TIMES: tuple[FieldType, ...] = ("date", "timestamp")


@dataclass(frozen=True)
class Operator:
    """One operator: the field types that it fits, what it takes, how it reads, and what it means.

    `text` is a template over `{field}` and `{0}`, `{1}` or `{list}`.
    """

    name: str
    fits: tuple[FieldType, ...]
    operand: Operand
    text: str
    meaning: str


OPERATORS: dict[str, Operator] = {
    o.name: o
    for o in (
        Operator("=", ("number", "text", "boolean"), "value", "{field} = {0}", "equal"),
        Operator("!=", ("number", "text", "boolean"), "value", "{field} != {0}", "not equal; a null is not"),
        Operator("<", ("number",), "value", "{field} < {0}", "less than"),
        Operator("<=", ("number",), "value", "{field} <= {0}", "at most"),
        Operator(">", ("number",), "value", "{field} > {0}", "more than"),
        Operator(">=", ("number",), "value", "{field} >= {0}", "at least"),
        Operator("in", ("number", "text"), "list", "{field} in ({list})", "one of the list"),
        Operator("not_in", ("number", "text"), "list", "{field} not in ({list})", "none of the list; a null is not"),
        Operator(
            "between", ("number", "date", "timestamp"), "pair", "{field} between {0} and {1}",
            "from the first to the second, both included",
        ),
        Operator("is_null", ANY, "none", "{field} is null", "no value"),
        Operator("is_not_null", ANY, "none", "{field} is not null", "some value"),
        Operator("contains", ("text",), "value", "{field} contains {0}", "the text occurs in it; % and _ are plain characters"),
        Operator(
            "not_contains", ("text",), "value", "{field} does not contain {0}", "the text does not occur in it; a null is not"
        ),
        Operator("starts_with", ("text",), "value", "{field} starts with {0}", "begins with the text"),
        Operator("ends_with", ("text",), "value", "{field} ends with {0}", "ends with the text"),
        Operator(
            "matches", ("text",), "value", "{field} matches {0}",
            "the regular expression of the warehouse is found somewhere in it",
        ),
        Operator("is_true", ("boolean",), "none", "{field} is true", "true"),
        Operator("is_false", ("boolean",), "none", "{field} is false", "false; a null is not"),
        Operator("on", TIMES, "value", "{field} on {0}", "on that day"),
        Operator("before", TIMES, "value", "{field} before {0}", "on a day before that day"),
        Operator("after", TIMES, "value", "{field} after {0}", "on a day after that day"),
        Operator(
            "in_last", TIMES, "days", "{field} in the last {days}",
            "0 to N days before the snapshot date; a later day is not",
        ),
        Operator("more_than_ago", TIMES, "days", "{field} more than {days} ago", "more than N days before the snapshot date"),
        Operator(
            "between_ago", TIMES, "days pair", "{field} {0} to {1} days ago",
            "from the first to the second number of days before the snapshot date, both included",
        ),
    )
}  # fmt: skip

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


def fitting(field_type: FieldType) -> list[str]:
    """Return the operators that fit a type, in the order of the table.

    >>> fitting("boolean")
    ['=', '!=', 'is_null', 'is_not_null', 'is_true', 'is_false']
    """
    return [name for name, operator in OPERATORS.items() if field_type in operator.fits]
