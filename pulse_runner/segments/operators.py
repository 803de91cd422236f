"""The operators of a field condition: one table that validation, texts, the JSON Schema and the docs are made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pulse_runner.segments.model import FieldType

Operand = Literal["value", "list", "pair", "none", "days", "days pair"]

ANY: tuple[FieldType, ...] = ("number", "text", "boolean", "date", "timestamp")
TIMES: tuple[FieldType, ...] = ("date", "timestamp")


@dataclass(frozen=True)
class Operator:
    """One operator: the field types that it fits, what it takes, how it reads, and what it means.

    `text` is a template over `{field}` and `{0}`, `{1}` or `{list}`. `example` is a condition, `takes` the customers of
    EXAMPLE for whom it is true.
    """

    name: str
    fits: tuple[FieldType, ...]
    operand: Operand
    text: str
    meaning: str
    example: str
    takes: str


# what the examples look at: customer, plan, ltv, opted_in, signed_up_on; and the snapshot date
EXAMPLE_DAY = date(2026, 5, 31)
EXAMPLE: tuple[tuple[int, str | None, int | None, bool | None, date | None], ...] = (
    (1, "pro", 1200, True, date(2026, 5, 30)),
    (2, "pro_annual", 400, False, date(2026, 5, 1)),
    (3, "free", 0, True, date(2026, 3, 15)),
    (4, None, 1000, None, None),
    (5, "trial%", None, False, date(2026, 6, 2)),
)


OPERATORS: dict[str, Operator] = {
    o.name: o
    for o in (
        Operator("=", ("number", "text", "boolean"), "value", "{field} = {0}",
            "equal",
            '{field: plan, operator: "=", value: pro}', "1",
        ),
        Operator("!=", ("number", "text", "boolean"), "value", "{field} != {0}",
            "not equal; a null is not",
            '{field: plan, operator: "!=", value: pro}', "2, 3, 5",
        ),
        Operator("<", ("number",), "value", "{field} < {0}",
            "less than",
            '{field: ltv, operator: "<", value: 400}', "3",
        ),
        Operator("<=", ("number",), "value", "{field} <= {0}",
            "at most",
            '{field: ltv, operator: "<=", value: 400}', "2, 3",
        ),
        Operator(">", ("number",), "value", "{field} > {0}",
            "more than",
            '{field: ltv, operator: ">", value: 1000}', "1",
        ),
        Operator(">=", ("number",), "value", "{field} >= {0}",
            "at least",
            '{field: ltv, operator: ">=", value: 1000}', "1, 4",
        ),
        Operator("in", ("number", "text"), "list", "{field} in ({list})",
            "one of the list",
            "{field: plan, operator: in, value: [pro, free]}", "1, 3",
        ),
        Operator("not_in", ("number", "text"), "list", "{field} not in ({list})",
            "none of the list; a null is not",
            "{field: plan, operator: not_in, value: [pro, free]}", "2, 5",
        ),
        Operator("between", ("number", "date", "timestamp"), "pair", "{field} between {0} and {1}",
            "from the first to the second, both included",
            "{field: ltv, operator: between, value: [400, 1000]}", "2, 4",
        ),
        Operator("is_null", ANY, "none", "{field} is null",
            "no value",
            "{field: plan, operator: is_null}", "4",
        ),
        Operator("is_not_null", ANY, "none", "{field} is not null",
            "some value",
            "{field: ltv, operator: is_not_null}", "1, 2, 3, 4",
        ),
        Operator("contains", ("text",), "value", "{field} contains {0}",
            "the text occurs in it; % and _ are plain characters",
            '{field: plan, operator: contains, value: "%"}', "5",
        ),
        Operator("not_contains", ("text",), "value", "{field} does not contain {0}",
            "the text does not occur in it; a null is not",
            "{field: plan, operator: not_contains, value: pro}", "3, 5",
        ),
        Operator("starts_with", ("text",), "value", "{field} starts with {0}",
            "begins with the text",
            "{field: plan, operator: starts_with, value: pro}", "1, 2",
        ),
        Operator("ends_with", ("text",), "value", "{field} ends with {0}",
            "ends with the text",
            "{field: plan, operator: ends_with, value: annual}", "2",
        ),
        Operator("matches", ("text",), "value", "{field} matches {0}",
            "the regular expression of the warehouse is found somewhere in it",
            '{field: plan, operator: matches, value: "^(pro|free)$"}', "1, 3",
        ),
        Operator("is_true", ("boolean",), "none", "{field} is true",
            "true",
            "{field: opted_in, operator: is_true}", "1, 3",
        ),
        Operator("is_false", ("boolean",), "none", "{field} is false",
            "false; a null is not",
            "{field: opted_in, operator: is_false}", "2, 5",
        ),
        Operator("on", TIMES, "value", "{field} on {0}",
            "on that day",
            "{field: signed_up_on, operator: on, value: 2026-05-01}", "2",
        ),
        Operator("before", TIMES, "value", "{field} before {0}",
            "on a day before that day",
            "{field: signed_up_on, operator: before, value: 2026-05-01}", "3",
        ),
        Operator("after", TIMES, "value", "{field} after {0}",
            "on a day after that day",
            "{field: signed_up_on, operator: after, value: 2026-05-01}", "1, 5",
        ),
        Operator("in_last", TIMES, "days", "{field} in the last {days}",
            "0 to N days before the snapshot date; a later day is not",
            "{field: signed_up_on, operator: in_last, days: 7}", "1",
        ),
        Operator("more_than_ago", TIMES, "days", "{field} more than {days} ago",
            "more than N days before the snapshot date",
            "{field: signed_up_on, operator: more_than_ago, days: 7}", "2, 3",
        ),
        Operator("between_ago", TIMES, "days pair", "{field} {0} to {1} days ago",
            "from the first to the second number of days before the snapshot date, both included",
            "{field: signed_up_on, operator: between_ago, days: [7, 60]}", "2",
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
