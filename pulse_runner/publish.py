"""Write what docs and the demo take from the code: `python -m pulse_runner.publish`. A test fails when a file is stale."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pulse_runner import metrics
from pulse_runner.alert.channels.n8n_schema import event_schema
from pulse_runner.cli.reference import reference
from pulse_runner.listen.request import request_schema
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.functions import FUNCTIONS, PLACES, TYPES, Allowed
from pulse_runner.segments.operators import EXAMPLE, OPERATORS
from pulse_runner.segments.publish import schema_texts

TAKES = {
    "value": "`value`", "list": "`value: [...]`", "pair": "`value: [low, high]`", "none": "nothing",
    "days": "`days`", "days pair": "`days: [from, to]`",
}  # fmt: skip
BAR = "\\|"  # a bar ends a cell, also inside code


def texts(root: Path) -> dict[str, str]:
    """Return the text of every generated file by its path under `root`, the repository."""
    pages = {
        "docs/segments.md": {
            "operators": operator_table(), "example": example_table(),
            "functions": allowed_table("function", FUNCTIONS), "types": allowed_table("type", TYPES),
        },
        "docs/metrics.md": {"metrics": metric_table()},
    }  # fmt: skip
    return {
        "docs/cli.md": reference(),
        "docs/listen-request.json": json.dumps(request_schema(), indent=2, ensure_ascii=False) + "\n",
        "docs/n8n-event.json": json.dumps(event_schema(), indent=2, ensure_ascii=False) + "\n",
        **{page: with_tables((root / page).read_text(encoding="utf-8"), made) for page, made in pages.items()},
        **{f"demo/{path}": text for path, text in schema_texts(SCHEMA).items()},
    }


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """Return a page with the tables between their markers `<!-- name: generated -->` and `<!-- end of name -->` made anew."""
    for name, table in tables.items():
        start, end = f"<!-- {name}: generated -->\n", f"<!-- end of {name} -->\n"
        before, rest = page.split(start)
        page = before + start + table + end + rest.split(end)[1]
    return page


def operator_table() -> str:
    """Return the operators of conditions as a Markdown table."""
    rows = [
        (f"`{o.name}`", ", ".join(o.fits), TAKES[o.operand], o.meaning, f"`{o.example.replace('|', BAR)}`", o.takes)
        for o in OPERATORS.values()
    ]
    return markdown(("operator", "fits", "takes", "true when the field is ...", "example", "true for"), rows)


def example_table() -> str:
    """Return the customers of the operators' examples as a Markdown table."""
    shown = [["" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in row] for row in EXAMPLE]
    return markdown(("customer", "`plan`", "`ltv`", "`opted_in`", "`signed_up_on`"), shown)


def allowed_table(what: str, listed: Sequence[Allowed]) -> str:
    """Return the functions or types of SQL as a Markdown table, with the warehouses that have them."""
    rows = [(f"`{a.name}`", *("yes" if p in a.on else "" for p in PLACES), a.gives) for a in listed]
    return markdown((what, "DuckDB", "Postgres", "others", "gives"), rows)


def metric_table() -> str:
    """Return the metrics as a Markdown table."""
    return markdown(("metric", "definition"), metrics.definitions().items())


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    text = [f"| {' | '.join(line)} |" for line in lines]
    text[1] = text[1].replace(" ", "")
    return "\n".join(text) + "\n"


def publish(root: Path) -> None:
    """Write every generated file."""
    for path, text in texts(root).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    publish(Path())
