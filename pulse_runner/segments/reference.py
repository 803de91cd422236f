"""The operator table of docs/segments.md: `python -m pulse_runner.segments.reference`. A test fails when it is stale."""

from __future__ import annotations

from pathlib import Path

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


if __name__ == "__main__":
    page = Path("docs/segments.md")
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
