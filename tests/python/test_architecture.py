"""The floors of the house: what stands lower knows nothing of what stands higher.

The list is docs/architecture.md in code. A package or module that is not on it fails the test, so a new
room has to say where it stands. Imports inside functions and those for type checking only count as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pulse_runner"

# from the ground up; rooms on one floor do not know each other
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "vocabulary", "arrays", "checks", "secrecy", "scrub"),
    ("metrics", "upstream"),
    ("detectors",),
    ("warehouse",),
    ("segments",),
    ("known_events",),
    ("compile",),
    ("snapshot",),
    ("detect",),
    ("incidents",),
    ("explain",),
    ("alert",),
    ("report", "backtest", "pipeline", "mcp", "catch_up", "schedules", "plugins", "package"),
    ("api", "adopt", "listen", "review", "tune"),
    ("cli",),
    ("publish", "__main__"),
)
LEVEL = {room: n for n, floor in enumerate(FLOORS) for room in floor}

# libraries that touch the world, and the only rooms (or modules) that may
EDGES = {
    "dbt": ("warehouse",),
    "duckdb": ("warehouse",),
    "psycopg2": ("warehouse",),
    "httpx": ("alert.channels", "alert.stage", "explain.agent"),
    "openai": ("explain.agent",),
    "mcp": ("mcp",),
    "waitress": ("listen",),
    "smtplib": ("alert.channels",),
    "ssl": ("alert.channels",),
    "click": ("cli",),
    "rich": ("cli",),
    "subprocess": ("warehouse", "review.base", "explain.timeline.git", "cli"),
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name: str) -> str:
    return name.split(".")[0]


def imported(path: Path) -> Iterator[str]:
    """Yield every module that a file imports anywhere in it, by its full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} imports relatively: write the whole name"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (full if is_module(full) else node.module or "" for full in modules)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def own(path: Path) -> set[str]:
    """Return the modules of this package that a file imports, by their names below it."""
    return {m.removeprefix("pulse_runner.") for m in imported(path) if m.startswith("pulse_runner.")}


def test_every_room_has_a_floor_and_every_floor_a_room() -> None:
    rooms = {room_of(name_of(path)) for path in MODULES} - {""}
    assert rooms == set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_import_runs_upward_or_sideways(path: Path) -> None:
    here = room_of(name_of(path))
    if not here:
        return  # pulse_runner/__init__.py holds the version and imports nothing
    wrong = sorted(m for m in own(path) if room_of(m) != here and LEVEL[room_of(m)] >= LEVEL[here])
    assert not wrong, f"{here} stands on floor {LEVEL[here]} and imports {', '.join(wrong)}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_edges_touch_the_world(path: Path) -> None:
    here = name_of(path)
    for module in imported(path):
        allowed = EDGES.get(module.split(".")[0])
        if allowed is not None:
            assert any(here == a or here.startswith(f"{a}.") for a in allowed), f"{here} imports {module}"


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name_of(path): own(path) for path in MODULES}
    graph = {name: {m for m in found if m in graph and m != name} for name, found in graph.items()}
    while leaves := {name for name, found in graph.items() if not found}:
        graph = {name: found - leaves for name, found in graph.items() if name not in leaves}
    assert not graph, f"a circle among {', '.join(sorted(graph))}"


def test_the_test_finds_an_import_that_runs_upward(tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.py"
    guilty.write_text("def f():\n    from pulse_runner.cli import cli\n", encoding="utf-8")
    assert "cli" in own(guilty)
    assert LEVEL["cli"] > LEVEL["segments"]
