"""The error texts that docs/troubleshooting.md quotes are those of the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
QUOTED = re.findall(
    r"^```text\n(.*?)\n```$",
    (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
HOLE = "<>"


def messages() -> Iterator[str]:
    """Yield every text of the program, what is filled in replaced by a hole; adjacent texts of SQL's macros are one."""
    for path in sorted((ROOT / "pulse_runner").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(v.value if isinstance(v, ast.Constant) else HOLE for v in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    for path in sorted((ROOT / "macros").rglob("*.sql")):
        yield re.sub(r"'\s*~ [\w.()| ]+?\s*~\s*'", HOLE, re.sub(r"'\s*~\s*'", "", path.read_text(encoding="utf-8")))


MESSAGES = list(messages())


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quoted_text_is_one_of_the_program(quoted: str) -> None:
    # a hole stands for a text of any length, also for one that is left out
    pattern = re.compile(".*?".join(re.escape(part) for part in re.split(r"<[\w ]+>", quoted)))
    whole = [m for m in MESSAGES if pattern.search(m.replace(HOLE, ""))]
    assert whole, f"no message of the program reads: {quoted}"
    fixed = re.sub(r"<[\w ]+>", "", quoted)
    assert len(fixed) > 15, "too little is quoted to know the message by"


def test_there_is_something_quoted() -> None:
    assert len(QUOTED) > 8
