"""The operator table of docs/segments.md."""

from __future__ import annotations

from pulse_runner.segments.operators import OPERATORS

START, END = "<!-- operators: generated -->\n", "<!-- end of operators -->\n"


def operator_table() -> str:
    """Return the operators as a Markdown table."""
    rows = [f"| `{o.name}` | {', '.join(o.fits)} | {_takes(o.operand)} | {o.meaning} |" for o in OPERATORS.values()]
    return "\n".join(["| operator | fits | takes | true when the field is ... |", "|---|---|---|---|", *rows]) + "\n"


def with_table(text: str) -> str:
    """Return the page with the table between its markers made anew."""
    before, rest = text.split(START)
    return before + START + operator_table() + END + rest.split(END)[1]


def _takes(operand: str) -> str:
    return {
        "value": "`value`", "list": "`value: [...]`", "pair": "`value: [low, high]`", "none": "nothing",
        "days": "`days`", "days pair": "`days: [from, to]`",
    }[operand]  # fmt: skip
