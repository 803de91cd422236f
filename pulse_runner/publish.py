"""Write what docs and the demo take from the code: `python -m pulse_runner.publish`. A test fails when a file is stale."""

from __future__ import annotations

from pathlib import Path

from pulse_runner.cli.reference import reference
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.publish import schema_texts
from pulse_runner.segments.reference import with_table


def texts(root: Path) -> dict[str, str]:
    """Return the text of every generated file by its path under `root`, the repository."""
    page = "docs/segments.md"
    return {
        "docs/cli.md": reference(),
        page: with_table((root / page).read_text(encoding="utf-8")),
        **{f"demo/{path}": text for path, text in schema_texts(SCHEMA).items()},
    }


def publish(root: Path) -> None:
    """Write every generated file."""
    for path, text in texts(root).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    publish(Path())
