"""The JSON Schemas of definition files, for editors."""

from __future__ import annotations

import json

from pulse_runner.segments.schema import Schema

FOLDER = "segments/schema"


def schema_texts(schema: Schema) -> dict[str, str]:
    """Return the text of each schema file by its path in a project."""
    return {
        f"{FOLDER}/{kind}.json": json.dumps(schema.json_schema(kind), indent=2, sort_keys=True) + "\n"
        for kind in schema.specs
    }
