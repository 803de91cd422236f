"""Write the JSON Schemas of definition files for editors: `python -m pulse_runner.segments.publish`. A test fails when they are stale."""

from __future__ import annotations

import json
from pathlib import Path

from pulse_runner.segments.schema import SPECS, json_schema

FOLDER = Path("segments") / "schema"


def schema_texts() -> dict[str, str]:
    """Return the text of each schema file by its path in a project."""
    return {
        (FOLDER / f"{kind}.json").as_posix(): json.dumps(json_schema(kind), indent=2, sort_keys=True) + "\n"
        for kind in SPECS
    }


def publish(root: Path) -> None:
    """Write the schema files into a project."""
    for path, text in schema_texts().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    publish(Path())
