"""Print dbt-colibri's column lineage of a manifest and a catalog as JSON: {node: {column: [[node, column], ...]}}.

An opt-in check; it runs in an environment of its own, which Pulse does not need:
  python3 -m venv FOLDER && FOLDER/bin/pip install dbt-colibri==0.3.7
  FOLDER/bin/python benchmarks/lineage_judge.py manifest.json catalog.json
"""

from __future__ import annotations

import json
import sys


def main(manifest: str, catalog: str) -> None:
    """Run the judge and print what it says."""
    from dbt_colibri.lineage_extractor.extractor import (  # type: ignore[import-not-found]
        DbtColumnLineageExtractor,
    )

    parents = DbtColumnLineageExtractor(manifest, catalog).extract_project_lineage()["lineage"]["parents"]
    found = {
        node: {
            column: sorted({(r["dbt_node"], r["column"]) for r in reads if r.get("dbt_node") and r.get("column")})
            for column, reads in columns.items()
            if not column.startswith("__")
        }
        for node, columns in parents.items()
    }
    json.dump(found, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
