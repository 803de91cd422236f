"""The core is pure: deciding code imports no edge."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pulse_runner"
EDGES = {"dbt", "dbt_common", "duckdb", "psycopg2", "httpx", "openai", "click", "smtplib", "rich"}
EDGE_MODULES = ("pulse_runner.warehouse", "pulse_runner.cli")
CORE = sorted(
    [
        PACKAGE / "errors.py",
        *(PACKAGE / "segments").glob("*.py"),
        *(PACKAGE / "compiler").glob("*.py"),
        *(PACKAGE / "detectors").glob("*.py"),
        PACKAGE / "incidents" / "lifecycle.py",
        PACKAGE / "incidents" / "actions.py",
        PACKAGE / "incidents" / "model.py",
        *(PACKAGE / "explain" / f"{n}.py" for n in ("explanation", "view", "advice", "headline", "ranking")),
        *(PACKAGE / "explain" / "causes").glob("*.py"),
        PACKAGE / "explain" / "agent" / "answer_check.py",
        PACKAGE / "alerts" / "message.py",
    ]
)


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports when it is loaded, those for type checking only left out."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_list_of_core_files_is_not_empty() -> None:
    assert len(CORE) > 20


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_core_imports_no_edge(path: Path) -> None:
    modules = imports(path)
    assert not {m for m in modules if m.split(".")[0] in EDGES}
    assert not {m for m in modules if m.startswith(EDGE_MODULES)}
